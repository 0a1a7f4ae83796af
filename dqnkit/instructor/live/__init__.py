"""The class, live: what a class predicts, passes and stumbles over, on the projector while it works.

Students join from a notebook (`dqnkit.classroom.live_class`) and send events. In the order in which an event travels:

    catalogue   what the course asks: its questions, exercises and known mistakes
    events      an event, read from what a student sent
    log         the SQLite file of one class: append-only, each event once
    answers     the histogram of a question: what was predicted, and what happened
    state       the class now, folded from the log; what the projector and the instructor see of it
    rights      the class code, links, tokens, and limits on guessing
    server      the addresses of the server; pages in ``pages/``
    hub         the login of a JupyterHub
    serving     where the server listens; TLS

Nothing is sent but what a student agreed to: no code and, unless given, no name. A class is one file.
"""
