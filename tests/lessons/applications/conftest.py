"""The lesson on applications is in work: its tests run as soon as the course lists it."""

from dqnkit.classroom.course import LESSONS

collect_ignore_glob = [] if "applications" in LESSONS else ["test_*.py"]
