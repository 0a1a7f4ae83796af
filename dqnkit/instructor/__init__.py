"""For instructors: hand out the course, collect what students did, grade it fairly, and see the class think.

A room of its own, because students do not get it: `dqnkit.instructor.release` leaves it out of what they install. One
file for each command of ``dqnkit class``; ``class.toml``, which all of them read, is described in
`dqnkit.instructor.settings`.
"""
