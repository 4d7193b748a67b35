"""What came of each item."""

from txo_core.results import ItemResult, ProcessingResults, created, skipped, unchanged, updated

RECORDS = [
    ItemResult("a", "ok", value={"n": 1}),
    ItemResult("b", "skipped", "gone"),
    ItemResult("c", "created", value={"n": 3}),
    ItemResult("d", "failed", "400"),
    ItemResult("e", "updated"),
    ItemResult("f", "unchanged"),
]


def test_keys_lie_in_the_list_of_their_outcome_in_order() -> None:
    results = ProcessingResults.of(RECORDS)

    assert (results.success, results.skipped, results.failed) == (["a", "c", "e", "f"], ["b"], ["d"])
    assert results.records == RECORDS


def test_a_run_is_a_success_when_nothing_failed() -> None:
    assert not ProcessingResults.of(RECORDS).is_success()
    assert ProcessingResults.of(RECORDS[:3]).is_success()
    assert ProcessingResults().is_success()


def test_the_summary_says_ok_always_and_the_others_where_there_are_any() -> None:
    assert ProcessingResults.of(RECORDS).summary() == "4 ok, 1 skipped, 1 failed"
    assert ProcessingResults.of(RECORDS[1:4:2]).summary() == "0 ok, 1 skipped, 1 failed"
    assert ProcessingResults.of(RECORDS[:1]).summary() == "1 ok"
    assert ProcessingResults().summary() == "0 ok"


def test_where_each_success_says_what_was_done_the_summary_does() -> None:
    assert ProcessingResults.of(RECORDS[1:]).summary() == "1 created, 1 updated, 1 unchanged, 1 skipped, 1 failed"
    assert ProcessingResults.of(RECORDS[2:3] * 2).summary() == "2 created"


def test_the_lists_may_be_filled_by_hand_as_in_the_guide() -> None:
    results = ProcessingResults()
    results.success.append("a")
    results.failed.append("b")

    assert (results.is_success(), results.summary()) == (False, "1 ok, 1 failed")


def test_a_task_says_what_came_of_its_item() -> None:
    assert [skipped("gone"), created(1), updated(2), unchanged()] == [
        ItemResult("", "skipped", "gone"),
        ItemResult("", "created", value=1),
        ItemResult("", "updated", value=2),
        ItemResult("", "unchanged"),
    ]


def test_values_and_remarks_share_the_items_between_them() -> None:
    results = ProcessingResults.of(RECORDS)

    assert results.values() == [{"n": 1}, {"n": 3}, None, None]
    assert [record.key for record in results.remarks()] == ["b", "d"]
