"""What every service tells Prometheus beside its own numbers."""

from prometheus_client import Counter, generate_latest

from siloscope_process.metrics import process_registry


def test_a_registry_tells_of_its_process() -> None:
    told = generate_latest(process_registry()).decode()
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "python_info"):
        assert f"\n{name}" in told


def test_a_counter_is_one_series() -> None:
    registry = process_registry()
    Counter("siloscope_packs", "Packs", registry=registry)
    told = generate_latest(registry).decode()
    assert "siloscope_packs_total" in told
    assert "_created" not in told
