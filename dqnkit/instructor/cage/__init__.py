"""The cage: students' code runs in here, apart from the gradebook, the solutions, other submissions and the network.

Two processes are inside, and a third one for each answer. The *keeper* reads jobs and writes replies; the *template*
has NumPy, the public exercises and, once one needs it, TensorFlow imported, and forks a child for each answer. Neither
of them runs students' code, and the template never reads any: a child finds nothing of another student in its memory.

    grade.py -> cage.py (outside)  =pipes=>  keeper.py -> template.py -> child.py (inside)

What runs inside is keeper, template, child, rights, limits, seccomp and landlock; they import nothing private, for
nothing private is there. What comes out is text of limited size, and is read as data.
"""
