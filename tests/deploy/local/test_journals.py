from pathlib import Path

from siloscope_deploy.local.journals import trim


def test_a_log_beyond_the_limit_is_kept_once_and_emptied_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "edge.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old line\n" * 20)
        assert trim(tmp_path, limit_bytes=100) == ["edge"]
        writer.write(b"new line\n")
    assert log.read_bytes() == b"new line\n"
    assert (tmp_path / "edge.log.1").read_bytes() == b"old line\n" * 20


def test_a_short_log_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "edge.log").write_text("short")
    assert trim(tmp_path, limit_bytes=100) == []
