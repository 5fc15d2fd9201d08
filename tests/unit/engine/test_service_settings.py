"""Which settings are missing, and what holds once they are set."""

from __future__ import annotations

from datetime import timedelta

from engine.capabilities import SETTING_NAMES, RestartPolicy, ServiceSettings

UNSET = ServiceSettings(
    health_timeout=timedelta(minutes=5),
    restart=RestartPolicy.ON_FAILURE,
    restart_retries=10,
    replicas=1,
    defaults=frozenset(SETTING_NAMES),
)
WANTED = ServiceSettings(
    dockerfile="docker/Dockerfile.gateway",
    health_path="/health",
    health_timeout=timedelta(seconds=60),
    restart=RestartPolicy.ON_FAILURE,
    restart_retries=3,
)


def test_what_nobody_has_set_is_missing_unless_the_default_is_what_is_wanted() -> None:
    missing = WANTED.missing_from(UNSET)
    assert dict(missing.given) == {
        "dockerfile": "docker/Dockerfile.gateway",
        "health_path": "/health",
        "health_timeout": timedelta(seconds=60),
        "restart_retries": 3,
    }


def test_what_is_set_as_wanted_is_not_missing() -> None:
    seen = WANTED.over(UNSET)
    assert dict(WANTED.missing_from(seen).given) == {}
    assert seen.replicas == 1


def test_what_somebody_has_set_otherwise_is_not_missing_and_stays() -> None:
    theirs = ServiceSettings(health_path="/ready", restart_retries=0).over(UNSET)
    missing = WANTED.missing_from(theirs)
    assert set(missing.given) == {"dockerfile"}, "the timeout goes with their health check"
    repaired = missing.over(theirs)
    assert (repaired.health_path, repaired.restart_retries) == ("/ready", 0)
    assert repaired.dockerfile == WANTED.dockerfile


def test_what_is_left_open_is_never_missing() -> None:
    scaled = ServiceSettings(replicas=4, region="eu").over(UNSET)
    assert not {"replicas", "region"} & WANTED.missing_from(scaled).given.keys()
    assert WANTED.over(scaled).replicas == 4


def test_every_setting_has_words() -> None:
    everything = ServiceSettings(
        dockerfile="Dockerfile",
        health_path="/health",
        health_timeout=timedelta(seconds=60),
        start_command="serve",
        restart=RestartPolicy.ON_FAILURE,
        restart_retries=3,
        replicas=2,
        region="eu",
    )
    assert len(everything.given) == len(SETTING_NAMES)
    assert list(everything.words) == [
        "Dockerfile Dockerfile",
        "health check /health",
        "health check timeout 60 s",
        "start command serve",
        "restart on failure",
        "restart attempts 3",
        "replicas 2",
        "region eu",
    ]
    assert list(everything.changes_from(UNSET))[:3] == [
        "Dockerfile: none → Dockerfile",
        "health check: none → /health",
        "health check timeout: 300 s → 60 s",
    ]


def test_the_attempts_of_another_restart_policy_are_not_missing() -> None:
    for policy in (RestartPolicy.NEVER, RestartPolicy.ALWAYS):
        theirs = ServiceSettings(restart=policy).over(UNSET)
        assert "restart_retries" not in WANTED.missing_from(theirs).given
