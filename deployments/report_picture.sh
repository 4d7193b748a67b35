#!/bin/sh
# docs/report.png: the first and the last sheet of the newest report of the demo, as LibreOffice prints them.
# Needs LibreOffice, poppler-utils and ImageMagick; make demo-faults first.
set -eu
cd "$(dirname "$0")/.."
newest=$(ls -t output/demo-test-report_*.xlsx 2>/dev/null | head -1)
[ -n "$newest" ] || { echo "There is no report of the demo yet: make demo-faults" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
soffice "-env:UserInstallation=file://$folder/profile" --headless --convert-to pdf --outdir "$folder" "$newest" >/dev/null
pdf=$(ls "$folder"/*.pdf)
pages=$(pdfinfo "$pdf" | awk '/^Pages:/ {print $2}')
pdftoppm -png -r 110 -f 1 -l 1 "$pdf" "$folder/first"
pdftoppm -png -r 110 -f "$pages" -l "$pages" "$pdf" "$folder/last"
convert "$folder"/first*.png -gravity south -chop 0x70 -trim +repage -bordercolor white -border 30x24 -resize 1080x "$folder/a.png"
convert "$folder"/last*.png -gravity south -chop 0x70 -trim +repage -bordercolor white -border 30x24 -resize 1080x "$folder/b.png"
convert "$folder/a.png" "$folder/b.png" -append -bordercolor '#D0D7DE' -border 1 +dither -colors 128 -strip docs/report.png
echo "docs/report.png"
