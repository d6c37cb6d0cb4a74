"""Damaged files of every kind that is read end in one clear error, within bounds of memory and time."""

from collections import Counter

from benchmarks.fuzz import __main__ as command
from benchmarks.fuzz.inputs import KINDS, make

INPUTS = 300  # tens of thousands by `python -m benchmarks.fuzz`


def content(place):
    """Names and bytes of what an input consists of."""
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file() and path.stat().st_size < 10**7
    }


def test_damaged_inputs_end_in_a_result_or_in_an_error_for_the_user():
    found = command.fuzz(seed=0, count=INPUTS, workers=2, limit_s=60.0)
    assert found.faults == []
    assert found.outcomes.total() == INPUTS
    kinds = Counter(kind for kind, _ in found.outcomes.elements())
    assert set(kinds) == set(KINDS) and min(kinds.values()) > INPUTS // len(KINDS) - 2
    assert any(outcome == "read" for _, outcome in found.outcomes)  # not all are beyond reading
    assert any(outcome == "DataError" for _, outcome in found.outcomes)


def test_a_number_and_a_seed_give_the_same_input_again(tmp_path):
    for number in range(len(KINDS)):
        places = [tmp_path / f"{number}{name}" for name in "ab"]
        for place in places:
            place.mkdir()
            make(5, number, place)
        assert content(places[0]) == content(places[1])


def test_what_is_found_is_counted_and_kept(tmp_path):
    found = command.Findings()
    answer = {"end": 0, "outcome": "read", "fault": "", "megabytes": 7, "cpu_s": 0.1}
    command._take(found, "table", answer)
    assert found.faults == [] and found.outcomes["table", "read"] == 1
    command._take(found, "zip", answer | {"end": 3, "megabytes": 1_500})
    command._take(found, "tree", answer | {"end": 4, "cpu_s": 11.0})
    command._take(found, "table", answer | {"end": len(KINDS), "fault": "Traceback"})
    whys = [why for _, _, why in found.faults]
    assert "1500 MB" in whys[0] and "11.0 s" in whys[1] and whys[2] == "Traceback"
    command.save(9, found.faults, tmp_path / "kept")
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {
        "zip-9-3",
        "tree-9-4",
        f"table-9-{len(KINDS)}",
    }
    table = tmp_path / "kept" / f"table-9-{len(KINDS)}"  # the first kind again
    assert (table / "a.csv").exists()
    assert (table / "fault.txt").read_text() == "Traceback\n"
