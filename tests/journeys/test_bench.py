"""The bench, run small: its figures are all there, and its books are straight. How fast it is is not tested."""

import json

from opendip.bench import BenchOptions, DeadOptions, DrainOptions, run, run_dead, run_drain

ASKED = {
    "messages_per_second",
    "deliveries_per_second",
    "latency_ms",
    "cpu_us_per_message",
    "peak_rss_mb",
    "disk_bytes_per_message",
    "accepted",
    "delivered",
    "lost",
    "duplicates",
    "run",
}


def test_a_bench_delivers_everything_once_and_writes_its_figures(open_directory, tmp_path):
    figures = tmp_path / "figures.json"
    options = BenchOptions(messages=250, batch=100, recipients=3, json=figures, home=open_directory / "bench")

    code = run(options)

    report = json.loads(figures.read_text())
    assert code == 0
    assert report.keys() >= ASKED
    assert (report["accepted"], report["delivered"]) == (250, 750)
    assert (report["lost"], report["duplicates"], report["refused_calls"]) == (0, 0, 0)
    assert report["latency_ms"].keys() == {"p50", "p90", "p99", "max"}
    assert report["cpu_us_per_message"].keys() == {"api", "worker", "database", "total"}
    assert report["disk_bytes_per_message"].keys() >= {"archive", "queues"}
    assert report["peak_rss_mb"].keys() >= {"api", "worker", "database"}
    assert report["run"]["software"]["fsync"] == "on"


def test_a_bench_with_dead_recipients_gives_them_everything_once_they_are_back(open_directory, tmp_path):
    figures = tmp_path / "figures.json"

    run_dead(DeadOptions(recipients=6, dead=4, rate=30, seconds=1, json=figures, home=open_directory / "dead"))

    report = json.loads(figures.read_text())
    assert report["dead"]["ways"] == {"refuses": 1, "hangs": 1, "answers 500": 1, "resets": 1}
    assert report["dead"]["calls_failed"] > 0
    assert report["dead"]["delivered_when_back"] == 20
    assert [stretch["deliveries"] for stretch in report["well"].values()] == [10, 10, 10]
    assert (report["accepted"], report["delivered"]) == (50, 50)
    assert (report["lost"], report["duplicates"], report["refused_calls"]) == (0, 0, 0)


def test_a_bench_of_draining_delivers_the_whole_queue_in_order(open_directory, tmp_path):
    figures = tmp_path / "figures.json"
    sizes = {"messages": 300, "batch": 100, "at_least": 0, "others_rate": 20, "others_seconds": 0.5}

    run_drain(DrainOptions(**sizes, json=figures, home=open_directory / "drain"))

    report = json.loads(figures.read_text())
    assert report["drain"]["messages"] == 300
    assert report["drain"].keys() >= {"messages_per_second", "ms_per_batch", "cpu_us_per_message", "tenths"}
    assert report["others"].keys() == {"alone", "beside_standing", "beside_draining"}
    assert report["accepted"] == report["delivered"]
    assert (report["lost"], report["duplicates"], report["out_of_order"]) == (0, 0, 0)
