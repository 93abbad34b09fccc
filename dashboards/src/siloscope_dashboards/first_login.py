"""The first administrator's login: generated at the first start, told once."""

import os
from pathlib import Path

from siloscope_process.errors import WrongSetting
from siloscope_store.connections import connect
from siloscope_store.first_user import add_first
from siloscope_store.schema import require_current
from siloscope_store.users import generated_password

_APPLICATION = "siloscope api"


def prepare(url: str, *, organisation: str | None, home: Path | None) -> str | None:
    """Check the database, make the first administrator where there is no user, and return what to tell about it.

    Args:
        url: The database.
        organisation: Whose administrator; None = the oldest.
        home: Where the login is written to, readable for its owner alone; None = it is told instead.

    Raises:
        DatabaseRefused: The URL or the database is wrong.
        DatabaseUnavailable: No server answers.
        SchemaOutdated: `siloscope db migrate` has not run.
        WrongSetting: The organisation is unknown, or the login cannot be written.
    """
    password = generated_password()
    told: list[str] = []

    def keep(username: str) -> None:
        if home is None:
            told.append(f"username: {username}\npassword: {password}\nshown only now: change it, or keep it safe")
        else:
            told.append(f"username: {username}\npassword: in {_written(home, username, password)}")

    with connect(url, application_name=_APPLICATION) as connection:
        require_current(connection)
        connection.commit()
        add_first(connection, password, organisation=organisation, keep=keep)
    return f"first start: an administrator was made\n{told[0]}" if told else None


def _written(home: Path, username: str, password: str) -> Path:
    file = home / "secrets" / "administrator"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(f"username: {username}\npassword: {password}\n")
    except OSError as error:
        raise WrongSetting(f"cannot write {file} (SILOSCOPE_HOME): {error.strerror}") from error
    return file
