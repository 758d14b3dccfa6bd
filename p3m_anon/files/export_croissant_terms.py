"""Croissant's vocabulary, and what our columns mean in it."""

from __future__ import annotations

from typing import Any

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The JSON-LD context that the specification of Croissant 1.1 recommends (mlcommons.org/croissant)."""

ENCODINGS = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
}
"""Ending -> media type."""

SETS = {
    "image": "images",
    "alpha": "masks",
    "trimap": "trimaps",
    "foreground": "foregrounds",
    "background": "backgrounds",
}
"""Key of a row -> name of its record set."""

MEANINGS = {
    "id": "The picture's name in this dataset.",
    "split": "train, P3M-500-P (test, blurred) or P3M-500-NP (test, not blurred); empty in a release before split.",
    "status": "anonymized, anonymized_manual (blurred by a drawn mask), anonymized_suggested (blurred by a suggested"
    " mask that a person accepted), no_face, or normal (not blurred on purpose).",
    "image": "The picture.",
    "alpha": "The alpha matte: how much of each pixel is the person; one channel, 8 or 16 bits.",
    "trimap": "0 background, 128 unknown, 255 foreground.",
    "foreground": "Colours of the person alone, for composing.",
    "background": "Colours of the background alone, for composing.",
    "image_sha256": "SHA-256 of the picture's file.",
    "alpha_sha256": "SHA-256 of the alpha matte's file.",
    "trimap_sha256": "SHA-256 of the trimap's file.",
    "foreground_sha256": "SHA-256 of the foreground's file.",
    "background_sha256": "SHA-256 of the background's file.",
    "width": "Pixels.",
    "height": "Pixels.",
    "faces": "How many faces were blurred.",
    "detector": "What found the faces.",
    "profile": "Blur profile: p3m blurs the face, strict replaces it by what surrounds it.",
    "fidelity": "What outside of the mask was kept: exact, mcu (JPEG blocks away from it are copied) or reencoded.",
    "settings_digest": "Names the blur settings; rai:dataPreprocessingProtocol says what they are.",
    "release_basis": "Why a face that is not blurred may be shown.",
    "viewed": "How the person who decided about the picture saw it: singly, on a sheet of thumbnails, or by a list.",
    "license": "Of this picture.",
    "source": "Where this picture comes from.",
    "attribution": "Whom to name for this picture.",
}
"""Key of a row -> what it says; the test holds it against KEYS."""
