"""SQLAlchemy's ORM, a row at a time, on two tables like ours.

Run as a process of its own: two files and the conninfo of a fresh database are its arguments; it prints the seconds of a
first import and of one that changes every balance.
"""

import csv
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, BigInteger, DateTime, ForeignKey, String, create_engine, select  # type: ignore[import-not-found]
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column  # type: ignore[import-not-found]


class Base(DeclarativeBase):  # type: ignore[misc]
    """The tables."""


class Contact(Base):
    """A customer."""

    __tablename__ = "contact"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)


class Account(Base):
    """What a customer has."""

    __tablename__ = "account"
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"), primary_key=True)
    balance: Mapped[int] = mapped_column(BigInteger)


class Transaction(Base):
    """A change of it."""

    __tablename__ = "transaction"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.contact_id"), index=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    amount_before: Mapped[int] = mapped_column(BigInteger)
    amount_after: Mapped[int] = mapped_column(BigInteger)
    created_date: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def rows_of(path: str) -> list[dict[str, str]]:
    """Return the rows of a file."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def import_rows(session: Session, path: str) -> int:
    """Set each balance of a file; returns how many rows could not be."""
    failed = 0
    for row in rows_of(path):
        contact = session.scalar(select(Contact).where(Contact.email == row["Email"]))
        if contact is None or not row["Points"].isdigit():
            failed += 1
            continue
        points = int(row["Points"])
        account = session.get(Account, contact.id, with_for_update=True)
        if account is None:
            account = Account(contact_id=contact.id, balance=0)
            session.add(account)
            session.flush()
        if account.balance != points:
            session.add(
                Transaction(
                    account_id=contact.id,
                    amount=points - account.balance,
                    amount_before=account.balance,
                    amount_after=points,
                    created_date=datetime.now(UTC),
                )
            )
            account.balance = points
            session.flush()
    session.commit()
    return failed


def main() -> None:
    """Import both files, and print the seconds of each."""
    first, again, conninfo = sys.argv[1:]
    found = conninfo_to_dict(conninfo)
    url = URL.create(
        "postgresql+psycopg",
        username=str(found["user"]),
        database=str(found["dbname"]),
        query={"host": str(found["host"]), "port": str(found["port"])},
    )
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    seconds = []
    with Session(engine) as session:
        emails = {row["Email"].removeprefix("nobody.") for row in rows_of(first)}
        session.add_all(Contact(email=email) for email in sorted(emails))
        session.commit()
        for path in (first, again):
            begun = time.perf_counter()
            import_rows(session, path)
            seconds.append(time.perf_counter() - begun)
    sys.stdout.write(json.dumps(seconds) + "\n")


main()
