"""What is read from LIDC-IDRI's annotation files, and which files are refused."""

import numpy as np
import pytest

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.lidc.xml import RadiographError, read_message

PLAIN = "188/259.xml"


def rewritten(xml, tmp_path, *changes, source=PLAIN):
    """A copy of a file with pieces of its text exchanged; each must be there."""
    text = (xml / source).read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = tmp_path / "changed.xml"
    path.write_text(text, encoding="utf-8")
    return path


def refuse(path, said, kind=RaterProjectError):
    with pytest.raises(kind, match=said) as caught:
        read_message(path)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    assert message.endswith(".")


@pytest.mark.parametrize(
    ("name", "sessions", "nodules", "points_only", "rois", "pixels", "non_nodules", "exclusions"),
    [
        ("185/074.xml", 4, 13, 9, 25, 302, 73, 0),
        ("188/011.xml", 8, 20, 16, 27, 302, 64, 0),
        ("189/110.xml", 3, 11, 8, 33, 688, 28, 0),
        ("188/259.xml", 4, 12, 6, 16, 204, 7, 1),
        ("189/130.xml", 4, 11, 9, 29, 438, 33, 12),
        ("185/178.xml", 4, 4, 0, 90, 6277, 3, 1),
        ("188/091.xml", 4, 25, 22, 28, 173, 12, 0),
        ("188/093.xml", 4, 25, 22, 28, 173, 12, 0),
        ("187/046.xml", 4, 0, 0, 0, 0, 19, 0),
    ],
)
def test_a_file_holds_what_it_is_known_to_hold(
    message, name, sessions, nodules, points_only, rois, pixels, non_nodules, exclusions
):
    found = message(name)
    marked = [nodule for session in found.sessions for nodule in session.nodules]
    outlines = [roi for nodule in marked for roi in nodule.rois]
    assert len(found.sessions) == sessions
    assert len(marked) == nodules
    assert sum(nodule.is_point for nodule in marked) == points_only
    assert len(outlines) == rois
    assert sum(len(roi.edge_map) for roi in outlines) == pixels
    assert sum(len(session.non_nodules) for session in found.sessions) == non_nodules
    assert sum(not roi.inclusion for roi in outlines) == exclusions
    assert all(bool(nodule.characteristics) != nodule.is_point for nodule in marked)


@pytest.mark.parametrize("name", ["185/120.xml", "185/179.xml", "185/180.xml", "185/213.xml"])
def test_a_radiograph_is_refused_by_name(xml, name):
    refuse(xml / name, "is of a chest radiograph", RadiographError)


def test_a_nodule_keeps_its_ratings_and_places(message):
    found = message("185/074.xml")
    nodule = found.sessions[0].nodules[0]
    assert found.series_uid == "1.3.6.1.4.1.14519.5.2.1.6279.6001.323541312620128092852212458228"
    assert nodule.nodule_id == "Nodule 001"
    assert dict(nodule.characteristics) == {
        "subtlety": 3,
        "internalStructure": 1,
        "calcification": 6,
        "sphericity": 4,
        "margin": 5,
        "lobulation": 1,
        "spiculation": 1,
        "texture": 5,
        "malignancy": 2,
    }
    assert nodule.rois[0].z_mm == -232.5
    assert nodule.rois[0].edge_map[:2] == ((140, 319), (139, 320))


def test_the_other_name_space_and_root_read_alike(xml, tmp_path, message):
    path = rewritten(
        xml,
        tmp_path,
        ("LidcReadMessage", "IdriReadMessage"),
        ("http://www.nih.gov", "http://www.nih.gov/idri"),
    )
    assert read_message(path) == message(PLAIN)


def test_comments_and_spaces_between_elements_change_nothing(xml, tmp_path, message):
    path = rewritten(
        xml,
        tmp_path,
        ("<readingSession>", "<!-- ### -->\n<readingSession><!-- one -->"),
        ("<edgeMap>", "<edgeMap><!-- two -->"),
        ("<xCoord>", "<xCoord>\n  "),
        ("</imageZposition>", " \n</imageZposition>"),
        ("<inclusion>TRUE", "<inclusion> true "),
    )
    assert read_message(path) == message(PLAIN)


def test_a_file_without_a_session_has_none(xml, tmp_path):
    path = rewritten(xml, tmp_path, ("readingSession", "otherSession"))
    assert read_message(path).sessions == ()


@pytest.mark.parametrize("kept", [0, 1, 500, 12_000, -1, -30])
def test_a_file_cut_short_anywhere_is_refused(xml, tmp_path, kept):
    path = tmp_path / "cut.xml"
    content = (xml / PLAIN).read_bytes()
    path.write_bytes(content[:kept] if kept >= 0 else content[: len(content) + kept])
    refuse(path, "no XML, damaged or cut short")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("SeriesInstanceUid", "SeriesUid", "lacks ResponseHeader/SeriesInstanceUid"),
        ("ResponseHeader", "Header", "lacks ResponseHeader/SeriesInstanceUid"),
        ("noduleID>", "id>", "lacks noduleID in its unblindedReadNodule"),
        ("imageZposition", "z", "lacks imageZposition in its roi"),
        ("imageSOP_UID", "sop", "lacks imageSOP_UID in its roi"),
        ("inclusion", "included", "lacks inclusion in its roi"),
        ("edgeMap", "edge", "has a roi without edgeMap"),
        ("xCoord", "x", "lacks xCoord in its edgeMap"),
        ("roi>", "outline>", "has a nodule without roi"),
        ("locus", "place", "has a nonNodule without locus"),
        ("<inclusion>TRUE", "<inclusion>MAYBE", "inclusion MAYBE, where TRUE or FALSE"),
        ("<subtlety>4", "<subtlety>four", "subtlety four, where a whole number"),
        ("<xCoord>", "<xCoord>1.5e", "xCoord 1.5e.*, where a whole number"),
        ("<xCoord>", "<xCoord>-", r"has a point at \(-.*where 0 to 4095"),
        ("<yCoord>", "<yCoord>1000", r"has a point at .*where 0 to 4095"),
        ("<imageZposition>", "<imageZposition>nan ", "imageZposition nan"),
        ("<imageZposition>", "<imageZposition>z", "imageZposition z"),
        ("LidcReadMessage", "html", "begins with html, where LidcReadMessage or IdriReadMessage"),
        ('encoding="UTF-8"', 'encoding="nobody-8"', "no XML, damaged or cut short"),
    ],
)
def test_what_is_missing_or_impossible_is_named(xml, tmp_path, before, after, said):
    refuse(rewritten(xml, tmp_path, (before, after)), said)


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">',
    ],
)
def test_entities_and_document_types_are_refused(xml, tmp_path, head):
    refuse(
        rewritten(xml, tmp_path, ("<LidcReadMessage uid", head + "<LidcReadMessage uid")), "defines entities"
    )


def test_a_file_too_large_is_refused_before_it_is_parsed(tmp_path):
    path = tmp_path / "large.xml"
    path.write_bytes(b"<LidcReadMessage>" + b" " * 2**24)
    refuse(path, "larger than 16 MiB")


def test_many_elements_or_deep_ones_end_in_a_sentence(tmp_path):
    path = tmp_path / "many.xml"
    path.write_bytes(b"<LidcReadMessage>" + b"<a/>" * (2**20 + 1) + b"</LidcReadMessage>")
    refuse(path, "elements, more than 1048576")
    path.write_bytes(b"<LidcReadMessage>" + b"<a>" * 500_000 + b"</a>" * 500_000 + b"</LidcReadMessage>")
    refuse(path, "lacks ResponseHeader|no XML")


def test_any_spoiled_byte_gives_annotations_or_a_sentence(xml, tmp_path):
    good = (xml / PLAIN).read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "spoiled.xml"
    for offset in rng.integers(0, len(good), 300):
        content = bytearray(good)
        content[offset] = rng.integers(256)
        path.write_bytes(content)
        try:
            assert len(read_message(path).sessions) <= 4
        except RaterProjectError as error:
            assert str(error).endswith(".")  # noqa: PT017 (either outcome is right)


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n" + bytes(500), b"{}", "annotations".encode("utf-16")]
)
def test_what_is_no_xml_is_refused(tmp_path, content):
    path = tmp_path / "other.xml"
    path.write_bytes(content)
    refuse(path, "no XML")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    refuse(tmp_path / "nowhere.xml", "There is no file")
    (tmp_path / "folder.xml").mkdir()
    refuse(tmp_path / "folder.xml", "cannot be read")
