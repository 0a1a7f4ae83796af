"""The roster: read as spreadsheets save it, and students found by what platforms call them."""

from __future__ import annotations

import pytest

from dqnkit.instructor import roster
from dqnkit.instructor.roster import Roster
from dqnkit.instructor.settings import ClassError, ClassSettings


def written(settings: ClassSettings, text: str, encoding: str = "utf-8") -> Roster:
    """The roster with this content."""
    settings.roster.write_bytes(text.encode(encoding))
    return roster.read(settings)


@pytest.mark.parametrize(
    "name",
    ["100", "Jana Müller", "jana müller", "Müller, Jana", "mullerjana", "jana", "jana@example.edu", "JANA MÜLLER"],
)
def test_one_student_has_many_names(class_roster: Roster, name: str) -> None:
    found = class_roster.find(name)
    assert found is not None
    assert found.id == "100"


@pytest.mark.parametrize("name", ["", "x", "Jana", "Jana Muller-Smith", "1000"])
def test_nobody_is_found_by_half_a_name(class_roster: Roster, name: str) -> None:
    found = class_roster.find(name)
    assert found is None or (name == "Jana" and found.id == "100")  # the first part of her mail address


def test_two_of_one_name_are_found_by_id_only(class_settings: ClassSettings) -> None:
    found = written(class_settings, "id,name\n1,Kim Lee\n2,Kim Lee\n12,Kim Other\n")
    assert found.find("Kim Lee") is None
    assert [student.id for student in found if found.find(student.id) is student] == ["1", "2", "12"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("id,name\n7,Ö\n", "utf-8-sig"),
        ("Name;Username;Kurs\nÖ;7;A\n", "utf-8"),
        ("Student\tSIS User ID\n\nÖ\t7\n", "utf-8"),
        ('"id","name"\n"7","Ö"\n\n', "utf-8"),
    ],
)
def test_it_is_read_as_spreadsheets_and_platforms_save_it(
    class_settings: ClassSettings, text: str, encoding: str
) -> None:
    (student,) = written(class_settings, text, encoding)
    assert (student.id, student.name) == ("7", "Ö")


def test_first_and_last_names_are_one_name_and_canvas_second_line_is_nobody(class_settings: ClassSettings) -> None:
    (student,) = written(class_settings, "First name,Surname,ID number\nJana,Müller,100\n")
    assert student.name == "Jana Müller"
    (student,) = written(class_settings, 'Student,ID,Homework\n    Points Possible,,10\n"Müller, Jana",100,\n')
    assert (student.id, student.name) == ("100", "Müller, Jana")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("name,email\nx,y\n", "has no column id; its first line has name, email"),
        ("id,name\n1,a\n,b\n", "line 3: the id is empty"),
        ("id\nAb\naB\n", "the id 'ab' is there twice"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(class_settings: ClassSettings, text: str, message: str) -> None:
    with pytest.raises(ClassError, match=message):
        written(class_settings, text)


def test_another_encoding_is_named(class_settings: ClassSettings) -> None:
    with pytest.raises(ClassError, match="is not in UTF-8"):
        written(class_settings, "id,name\n1,Müller\n", "latin-1")


def test_pseudonyms_lead_back_to_the_roster(class_settings: ClassSettings, class_roster: Roster) -> None:
    by_pseudonym = class_roster.by_pseudonym()
    assert len(by_pseudonym) == len(class_roster) == 3
    assert by_pseudonym[class_settings.pseudonym("zoe7")].name == "Zoë Quist"
