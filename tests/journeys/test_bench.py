"""The bench, run small: its figures are all there, and its books are straight. How fast it is is not tested."""

import json

from opendip.bench import BenchOptions, run

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
