"""The words for why an input gave no output. Apart from the records, so that a worker starts without Parquet."""

from __future__ import annotations

from enum import StrEnum


class Reject(StrEnum):
    """Why an input gave no output."""

    # files
    NOT_AN_IMAGE = "not_an_image"  # no picture of a known format, whatever its name says
    EMPTY_FILE = "empty_file"  # zero bytes
    TRUNCATED = "truncated"  # the picture breaks off, or its data is damaged
    TOO_LARGE = "too_large"  # more bytes or pixels than it is safe to decode
    UNREADABLE = "unreadable"  # the system or the archive refused to give the bytes
    SIDECAR = "sidecar"  # metadata beside pictures, which nobody expects a face in
    DUPLICATE = "duplicate"  # the same as, or nearly the same as, another one that is kept
    # candidates of a source
    FILTERED = "filtered"  # its rating or tags are not wanted
    FORBIDDEN_BY_ROBOTS = "forbidden_by_robots"  # the site's robots.txt asks programs to stay away
    OPTED_OUT = "opted_out"  # its server or page asks that it be not used so: noai, noimageai, noindex, noimageindex
    FORBIDDEN_ADDRESS = "forbidden_address"  # no http(s), or a private address that was not allowed
    NOT_FOUND = "not_found"  # there is no picture, or no more
    HTTP_ERROR = "http_error"  # the server answered with another error
    UNREACHABLE = "unreachable"  # the server does not answer, or not in time
    WRONG_HASH = "wrong_hash"  # not the bytes that the source announced
    HOST_GIVEN_UP = "host_given_up"  # its server failed too often to be asked on
    # pictures and faces
    NO_FACE = "no_face"
    LOW_SCORE = "low_score"
    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    PADDED = "padded"  # too much of the crop lies beyond the picture
    ODD_SHAPE = "odd_shape"  # the box is much longer than it is wide, or wider than long
    LOW_CONTRAST = "low_contrast"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    COLOURLESS = "colourless"  # grey, or in shades of one colour
    BORDERED = "bordered"  # bars of one colour at the edges of the crop
    OTHER_SPLIT = "other_split"  # its picture belongs to another split than the rest of its duplicate group
    # at every stage
    FORGOTTEN = "forgotten"  # on the blocklist
