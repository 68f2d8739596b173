"""LIDC-IDRI's annotation files, read with suspicion. Nothing of who read or when is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.lidc.message import Nodule, NonNodule, Pixel, ReadingSession, ReadMessage, Roi


class RadiographError(RaterProjectError):
    """The file is one of LIDC-IDRI's, but of a chest radiograph."""


_ROOTS = ("LidcReadMessage", "IdriReadMessage")
_MOST_BYTES = 2**24
_MOST_ELEMENTS = 2**20
_GREATEST_COORDINATE = 4095
_RADIOGRAPH = ("CXRreadingSession", "ResponseHeader/CXRSeriesInstanceUid")


def read_message(path: Path) -> ReadMessage:
    """The annotations in an XML file.

    Raises:
        RaterProjectError: the file is missing, larger than 16 MiB, no or damaged XML, one with entities or a
            document type, not of LIDC-IDRI, or lacks something.
        RadiographError: it is of a radiograph.
    """
    root = _root(path)
    with _explained(path):
        sessions = tuple(map(_session, root.findall("readingSession")))
        return ReadMessage(_text(root, "ResponseHeader/SeriesInstanceUid"), sessions)


def _root(path: Path) -> Element:
    with _explained(path):
        root = fromstring(_content(path), forbid_dtd=True)
        elements = 0
        for elements, element in enumerate(root.iter(), start=1):  # noqa: B007 (counted)
            element.tag = str(element.tag).rpartition("}")[2]  # both of LIDC's namespaces have these names
        if elements > _MOST_ELEMENTS:
            raise _UnfitError(f"has {elements} elements, more than {_MOST_ELEMENTS}")
    if root.tag not in _ROOTS:
        raise RaterProjectError(
            f"{path.name} is no annotation of LIDC-IDRI: it begins with {root.tag[:40]}, where "
            f"{' or '.join(_ROOTS)} is expected. Choose the files of LIDC-IDRI's XML archive."
        )
    if any(root.find(name) is not None for name in _RADIOGRAPH):
        raise RadiographError(
            f"{path.name} is of a chest radiograph, not of a CT, and its points lie on another image. "
            "Leave it out."
        )
    return root


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise _UnfitError(f"is larger than {_MOST_BYTES // 2**20} MiB, which no file of LIDC-IDRI is")
    return content


def _session(session: Element) -> ReadingSession:
    return ReadingSession(
        tuple(map(_nodule, session.findall("unblindedReadNodule"))),
        tuple(map(_non_nodule, session.findall("nonNodule"))),
    )


def _nodule(nodule: Element) -> Nodule:
    found = nodule.find("characteristics")
    told = () if found is None else tuple((name.tag, _whole(found, name.tag)) for name in found)
    rois = tuple(map(_roi, nodule.findall("roi")))
    if not rois:
        raise _UnfitError("has a nodule without roi")
    return Nodule(_text(nodule, "noduleID"), told, rois)


def _roi(roi: Element) -> Roi:
    edge_map = tuple(map(_pixel, roi.findall("edgeMap")))
    if not edge_map:
        raise _UnfitError("has a roi without edgeMap")
    included = _text(roi, "inclusion").upper()
    if included not in ("TRUE", "FALSE"):
        raise _UnfitError(f"has the inclusion {included[:20]}, where TRUE or FALSE is expected")
    return Roi(_z_mm(roi), _text(roi, "imageSOP_UID"), included == "TRUE", edge_map)


def _non_nodule(mark: Element) -> NonNodule:
    locus = mark.find("locus")
    if locus is None:
        raise _UnfitError("has a nonNodule without locus")
    return NonNodule(_text(mark, "nonNoduleID"), _z_mm(mark), _text(mark, "imageSOP_UID"), _pixel(locus))


def _pixel(point: Element) -> Pixel:
    pixel = _whole(point, "xCoord"), _whole(point, "yCoord")
    if not all(0 <= number <= _GREATEST_COORDINATE for number in pixel):
        raise _UnfitError(f"has a point at {pixel}, where 0 to {_GREATEST_COORDINATE} is possible")
    return pixel


def _z_mm(element: Element) -> float:
    text = _text(element, "imageZposition")
    try:
        z_mm = float(text)
    except ValueError:
        z_mm = float("nan")
    if not isfinite(z_mm):
        raise _UnfitError(f"has the imageZposition {text[:20]}, where a number is expected")
    return z_mm


def _whole(element: Element, name: str) -> int:
    text = _text(element, name)
    if not text.removeprefix("-").isdecimal() or len(text) > 9:
        raise _UnfitError(f"has the {name} {text[:20]}, where a whole number is expected")
    return int(text)


def _text(element: Element, name: str) -> str:
    """What stands in the first child of this name, without the spaces around it."""
    text = (element.findtext(name) or "").strip()
    if not text:
        raise _UnfitError(f"lacks {name} in its {element.tag}")
    return text


class _UnfitError(ValueError):
    """What a file has or lacks, to follow its name."""


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Whatever a stranger's bytes lead to becomes one sentence about the file."""
    advice = "Get it again from LIDC-IDRI's XML archive."
    try:
        yield
    except FileNotFoundError as error:
        raise RaterProjectError(f"There is no file {path}. Check its folder and its name.") from error
    except OSError as error:
        raise RaterProjectError(
            f"{path} cannot be read ({error.strerror or error}). Ask its owner for the right to read it."
        ) from error
    except _UnfitError as error:
        raise RaterProjectError(f"{path.name} {error}. {advice}") from error
    except DefusedXmlException as error:
        raise RaterProjectError(
            f"{path.name} defines entities or a document type, which no file of LIDC-IDRI does. {advice}"
        ) from error
    except (ParseError, ValueError, LookupError) as error:  # the last two of encodings that nobody knows
        raise RaterProjectError(f"{path.name} is no XML, damaged or cut short ({error}). {advice}") from error
