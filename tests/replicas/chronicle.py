"""What the database itself saw of the replicas: who said when that they live, who was taken for
dead, who claimed what. By the database's clock, the one by which leases are counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.lease import BEAT, LASTS

if TYPE_CHECKING:
    from datetime import datetime

    from tests.postgres import Postgres

PROMISE = timedelta(seconds=30)
"""Within which the work of a dead replica is taken over (docs/deploy.md)."""
AFTER_THE_LEASE = (PROMISE - LASTS) // BEAT
"""What is left of it once the lease is over, counted in beats of those who are there: a machine
under load beats more slowly, and is not late for that."""

_KEPT = """
CREATE TABLE chronicle (n bigserial, at timestamptz DEFAULT clock_timestamp(), what text,
                        replica text, version text, lives_until timestamptz, claim text);
CREATE FUNCTION of_replicas() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO chronicle (what, replica, lives_until) VALUES ('gone', OLD.id, OLD.until);
  ELSE
    INSERT INTO chronicle (what, replica, lives_until) VALUES ('beat', NEW.id, NEW.until);
  END IF;
  RETURN NULL; END $$;
CREATE FUNCTION of_claims() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO chronicle (what, replica, version, claim)
    SELECT 'claimed', NEW.owner, version, NEW.name FROM replicas WHERE id = NEW.owner;
  RETURN NULL; END $$;
CREATE TRIGGER chronicle AFTER INSERT OR UPDATE OR DELETE ON replicas
  FOR EACH ROW EXECUTE FUNCTION of_replicas();
CREATE TRIGGER chronicle AFTER INSERT ON claims FOR EACH ROW EXECUTE FUNCTION of_claims();
"""


@dataclass(frozen=True)
class Chronicle:
    """Written by triggers from `begin` on; nothing of the product knows of it."""

    pg: Postgres
    database: str

    def begin(self) -> None:
        self.pg.run(_KEPT, self.database)

    def heard_of(self) -> int:
        """How many replicas have said since that they live."""
        return len({row["replica"] for row in self._rows("what = 'beat'")})

    def heir(self, claim: str, dead: str) -> str:
        """The next that claimed it after somebody; empty so far."""
        rows = self._rows(f"what = 'claimed' AND claim LIKE '{claim}' AND replica <> '{dead}'")
        return str(rows[-1]["replica"]) if rows else ""

    def versions(self, claim: str) -> list[str]:
        """Of the code of those that claimed it, in order."""
        rows = self._rows(f"what = 'claimed' AND claim LIKE '{claim}'")
        return [str(row["version"]) for row in rows]

    def assert_in_time(self, claim: str, dead: str) -> None:
        """Not before the dead one's lease was over, and soon enough after it."""
        [gone] = self._rows(f"what = 'gone' AND replica = '{dead}'")
        taken = self._rows(f"what = 'claimed' AND claim LIKE '{claim}' AND n > {gone['n']}")[0]
        over: datetime = gone["lives_until"]
        assert over <= gone["at"], "it was taken for dead while its lease lasted"
        last = self._rows(f"what = 'beat' AND replica = '{dead}'")[-1]
        assert over - last["at"] <= LASTS, "nobody's lease lasts longer"
        between = f"what = 'beat' AND at > '{over}' AND at <= '{taken['at']}'"
        beats = [row["replica"] for row in self._rows(between)]
        late = max(map(beats.count, beats), default=0)
        assert late <= AFTER_THE_LEASE, f"{late} beats after its lease was over"

    def assert_silent(self, dead: str) -> None:
        """Whoever was taken for dead has said and claimed nothing since."""
        [gone] = self._rows(f"what = 'gone' AND replica = '{dead}'")
        assert not self._rows(f"replica = '{dead}' AND n > {gone['n']}")

    def _rows(self, where: str) -> list[dict[str, Any]]:
        names = ("n", "at", "what", "replica", "version", "lives_until")
        asked = f"SELECT {', '.join(names)} FROM chronicle WHERE {where} ORDER BY n"
        return [dict(zip(names, row, strict=True)) for row in self.pg.run(asked, self.database)]
