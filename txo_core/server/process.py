"""The program that the temporary server runs as: Prefect's API on loopback, until nobody holds its input open."""

import os
import signal
import sys
import threading


def serve(port: int) -> None:
    """Serve Prefect's API on the port; end when standard input ends, which is when the script has ended."""
    import uvicorn

    threading.Thread(target=end_with_the_script, daemon=True).start()
    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="on",
    )


def end_with_the_script() -> None:
    """Wait for the end of standard input, then end this process."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
