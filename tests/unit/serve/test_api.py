"""The HTTP interface, asked over real connections."""

import base64
import concurrent.futures
import csv
import http.client
import io
import json
import socket
import tempfile
import time

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image

from emotion_core.cli import main
from emotion_core.labels import EMOTIONS
from emotion_core.live import photo_file, photos
from emotion_core.serve.api import PATHS
from tests.unit.serve.conftest import RUN, encoded
from tests.unit.serve.running import BOUNDARY, base64_of, form, running

TOKEN = "a-token-of-twenty-letters"


@pytest.mark.parametrize("whole", [False, True])
def test_answers_are_those_of_the_command_line(caller, photo, faces, tmp_path, capsys, whole):
    pictures = [encoded(face) for face in faces[:4]] if whole else [photo, _pair()]
    paths = [tmp_path / f"{number}.png" for number in range(len(pictures))]
    for path, data in zip(paths, pictures, strict=True):
        path.write_bytes(data)
    table = tmp_path / "rows.csv"
    flags = ["--csv", str(table), *(["--whole"] if whole else [])]
    assert main(["predict", str(RUN.path), *map(str, paths), *flags]) == 0
    rows = list(csv.DictReader(io.StringIO(table.read_text())))

    answer = caller.send(*pictures, path=f"/v1/predict?whole={str(whole).lower()}")

    assert answer.status == 200
    found = [face for picture in answer.json["images"] for face in picture["faces"]]
    assert len(found) == len(rows) >= 3
    for face, row in zip(found, rows, strict=True):
        assert face["emotion"] == row["emotion"]
        np.testing.assert_allclose(
            face["probabilities"], [float(row[name]) for name in EMOTIONS], atol=6e-5
        )
        np.testing.assert_allclose(face["box"], [float(row[k]) for k in ("x1", "y1", "x2", "y2")])
        assert face["score"] == pytest.approx(float(row["score"]), abs=6e-4)


def test_probabilities_are_calibrated_and_in_the_fixed_order(caller, photo, classifier):
    answer = caller.send(photo).json
    image = photo_file.read_image(photo)
    _, crops = photos.cut_faces(image, photos.PhotoDetector())
    (face,) = answer["images"][0]["faces"]
    np.testing.assert_allclose(face["probabilities"], classifier.probs(crops)[0], atol=2e-6)
    assert face["confidence"] == max(face["probabilities"])
    assert answer["model"]["emotions"] == list(EMOTIONS)
    assert answer["model"]["calibration"] == {
        "temperature": classifier.temperature,
        "smoothing": classifier.smoothing,
    }


def test_base64_gives_what_a_form_gives(caller, photo):
    text = base64_of(photo)
    expected = caller.send(photo, photo).json["images"]
    found = caller.send_json(text, f"data:image/jpeg;base64,{text}").json["images"]
    assert [item["faces"] for item in found] == [item["faces"] for item in expected]
    assert [item["name"] for item in found] == ["image 1", "image 2"]


def test_crops_are_the_faces_that_the_classifier_sees(caller, photo):
    (picture,) = caller.send(photo, path="/v1/faces").json["images"]
    _, crops = photos.cut_faces(photo_file.read_image(photo), photos.PhotoDetector())
    (face,) = picture["faces"]
    data = np.frombuffer(base64.b64decode(face["png"]), np.uint8)
    np.testing.assert_array_equal(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), crops[0])


def test_a_turned_picture_is_read_upright_and_said_so(caller):
    lying = encoded(np.rot90(skimage.data.astronaut()))
    (picture,) = caller.send(lying).json["images"]
    assert abs(abs(picture["faces"][0]["degrees"]) - 90) < 20
    assert "turned upright" in picture["notices"][0]


def test_boxes_and_sizes_are_told_in_pixels_of_the_file(caller):
    large = cv2.resize(skimage.data.astronaut(), (4_800, 4_800))
    (picture,) = caller.send(encoded(large, "JPEG")).json["images"]
    assert (picture["width"], picture["height"]) == (4_800, 4_800)
    left, top, right, bottom = picture["faces"][0]["box"]
    assert 1_600 < left < right < 2_600 and 500 < top < bottom < 1_700


def test_a_picture_without_faces_has_none(caller):
    (picture,) = caller.send(encoded(np.full((90, 120, 3), 90, np.uint8))).json["images"]
    assert picture["faces"] == []


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/faces"])
def test_a_file_that_is_no_picture_is_named_by_its_place(caller, photo, path):
    answer = caller.send(photo, b"no picture", path=path)
    assert (answer.status, answer.code) == (422, "bad_image")
    assert answer.json["error"]["image"] == 1
    assert "face.png is not a picture" in answer.json["error"]["message"]


def test_too_many_pixels_are_refused_by_the_header(caller):
    buffer = io.BytesIO()
    Image.new("1", (6_000, 6_000)).save(buffer, "PNG")
    answer = caller.send(buffer.getvalue())
    assert (answer.status, answer.code) == (413, "too_large")
    assert "36 megapixels (6000 x 6000); the most this reads is 25" in answer.body.decode()


def test_a_jpeg_of_very_many_scans_is_refused(caller, photo):
    buffer = io.BytesIO()
    Image.open(io.BytesIO(photo)).save(buffer, "JPEG", progressive=True)
    start = buffer.getvalue()
    scan = start[start.rindex(b"\xff\xda") : -2]
    answer = caller.send(start[:-2] + scan * 70 + b"\xff\xd9")
    assert (answer.status, answer.code) == (422, "bad_image")
    assert "more than 64 scans" in answer.body.decode()


def test_too_many_pictures_are_refused(caller, faces):
    small = [encoded(face) for face in faces[:5]]
    for answer in (caller.send(*small), caller.send_json(*map(base64_of, small))):
        assert (answer.status, answer.code) == (413, "too_large")
        assert "4 pictures" in answer.body.decode()


def test_a_large_body_is_refused_before_it_is_read(caller):
    with socket.create_connection(("127.0.0.1", caller.port)) as connection:
        connection.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n"
            b"Content-Type: application/json\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_large_body_without_a_length_is_refused(caller):
    answer = caller.ask(
        "POST",
        "/v1/predict",
        iter([b"x" * 1_000_000] * 9),
        {"content-type": "application/json"},
    )
    assert (answer.status, answer.code) == (413, "too_large")


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        (b"{", "application/json", 400, "Invalid JSON"),
        (b'{"images": []}', "application/json", 400, "images"),
        (b'{"images": "x"}', "application/json", 400, "images"),
        (b'{"pictures": ["x"]}', "application/json", 400, "Field required"),
        (b'{"images": ["%%%"]}', "application/json", 400, "not Base64"),
        (b'{"images": ["\xff"]}', "application/json", 400, "Invalid JSON"),
        (b"[" * 100_000, "application/json", 400, "recursion limit"),
        (b"x", "text/plain", 415, "multipart/form-data"),
        (b"x", "", 415, "multipart/form-data"),
        (b"x", "multipart/form-data", 400, "boundary"),
        (b"x", f"multipart/form-data; boundary={BOUNDARY}", 400, "form"),
        (form([]), f"multipart/form-data; boundary={BOUNDARY}", 400, "no picture"),
        (form([b"x"], field="file"), f"multipart/form-data; boundary={BOUNDARY}", 400, "'file'"),
        (form([b""]), f"multipart/form-data; boundary={BOUNDARY}", 422, "not a picture"),
    ],
)
def test_a_malformed_request_gets_one_clear_error(caller, body, kind, status, says):
    answer = caller.ask("POST", "/v1/predict", body, {"content-type": kind})
    assert answer.status == status and answer.code
    assert says in answer.json["error"]["message"]


def test_a_text_field_says_how_to_send_a_file(caller):
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"\r\n\r\nx\r\n'
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = caller.ask("POST", "/v1/predict", f"{part}--{BOUNDARY}--\r\n", kind)
    assert answer.code == "bad_request" and "files=@photo.jpg" in answer.body.decode()


def test_unknown_paths_and_methods_are_told_what_there_is(caller):
    answer = caller.ask("GET", "/")
    assert (answer.status, answer.code) == (404, "not_found")
    assert "/v1/predict" in answer.json["error"]["message"]
    answer = caller.ask("GET", "/v1/predict")
    assert (answer.status, answer.code) == (405, "wrong_method")
    assert answer.headers["allow"] == "POST"


def test_no_answer_is_kept_on_the_way_or_loads_anything_from_elsewhere(caller):
    for path in ("/health", "/v1/models", "/openapi.json", "/nothing"):
        answer = caller.ask("GET", path)
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert caller.ask("GET", "/docs").status == 404  # it would load scripts from another host


def test_models_tells_what_was_measured(caller):
    (model,) = caller.ask("GET", "/v1/models").json["models"]
    report = RUN.report()
    assert model["name"] == "sequential" and model["backend"] == "onnx"
    assert model["test_accuracy"] == report.test.accuracy
    assert model["parameters"] == report.cost.parameters


@pytest.mark.parametrize("host", ["evil.test", "", "localhost.evil.test", "127.0.0.1.evil.test"])
def test_foreign_host_names_get_nothing(caller, host):
    answer = caller.ask("GET", "/v1/models", headers={"host": host})
    assert (answer.status, answer.code) == (421, "foreign_host")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8600", "[::1]:8600", "LOCALHOST"])
def test_names_of_this_computer_are_answered(caller, host):
    assert caller.ask("GET", "/health", headers={"host": host}).status == 200


def test_pages_of_other_sites_may_not_ask(caller, photo):
    answer = caller.send(photo, origin="http://evil.test")
    assert (answer.status, answer.code) == (403, "foreign_origin")
    assert caller.send(photo, origin="null").status == 403
    assert caller.send(photo, origin="http://localhost:3000").status == 200


def test_with_a_token_only_health_is_open(make_service):
    with running(make_service(token=TOKEN)) as caller:
        for path in PATHS:
            method = "GET" if path in ("/v1/models", "/health", "/metrics") else "POST"
            method = "GET" if path == "/openapi.json" else method
            for sent in ({}, {"authorization": TOKEN}, {"authorization": f"Bearer {TOKEN}x"}):
                answer = caller.ask(method, path, headers=sent)
                assert answer.status == (200 if path == "/health" else 401), (path, sent)
                if answer.status == 401:
                    assert answer.code == "no_token"
                    assert answer.headers["www-authenticate"] == "Bearer"
        right = {"authorization": f"Bearer {TOKEN}"}
        assert caller.ask("GET", "/v1/models", headers=right).status == 200
        document = caller.ask("GET", "/openapi.json", headers=right).json
        assert document["paths"]["/v1/predict"]["post"]["security"] == [{"token": []}]
        assert "security" not in document["paths"]["/health"]["get"]


def test_a_name_that_was_allowed_is_answered(make_service):
    with running(make_service(hosts=("faces.example",))) as caller:
        assert caller.ask("GET", "/health", headers={"host": "faces.example"}).status == 200


def test_one_request_too_many_is_refused_and_later_ones_are_answered(make_service, photo):
    with running(make_service(max_requests=1)) as caller:
        held = http.client.HTTPConnection("127.0.0.1", caller.port)
        body = form([photo])
        held.putrequest("POST", "/v1/predict")
        held.putheader("content-type", f"multipart/form-data; boundary={BOUNDARY}")
        held.putheader("content-length", str(len(body)))
        held.endheaders(body[:1_000])
        while b"requests_in_work 1.0" not in caller.ask("GET", "/metrics").body:
            time.sleep(0.01)
        answer = caller.send(photo)
        assert (answer.status, answer.code) == (429, "too_busy")
        assert answer.headers["retry-after"] == "1"
        held.send(body[1_000:])
        assert held.getresponse().status == 200
        held.close()
        assert caller.send(photo).status == 200


def test_a_body_that_does_not_arrive_is_given_up(make_service):
    with running(make_service(timeout=0.3)) as caller, socket.socket() as connection:
        connection.connect(("127.0.0.1", caller.port))
        connection.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n"
            b"Content-Type: application/json\r\n\r\n{"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


def test_work_that_takes_too_long_is_given_up_and_the_server_goes_on(make_service, faces):
    slow = [encoded(np.zeros((4_000, 4_000, 3), np.uint8), compress_level=1)] * 6
    with running(make_service(timeout=0.3, workers=1)) as caller:
        answer = caller.send(*slow)
        assert (answer.status, answer.code) == (503, "timeout")
        assert answer.headers["retry-after"] == "1"
        for _ in range(100):
            answer = caller.send(encoded(faces[0]), path="/v1/predict?whole=1")
            if answer.status == 200:
                break
        assert answer.status == 200


def test_concurrent_requests_share_batches_and_get_their_own_answers(
    make_service, classifier, faces
):
    with running(make_service(wait_ms=200.0)) as caller:
        path = "/v1/predict?whole=1"
        with concurrent.futures.ThreadPoolExecutor(len(faces)) as pool:
            answers = list(pool.map(lambda f: caller.send(encoded(f), path=path), faces))
        metrics = caller.ask("GET", "/metrics").body.decode()
    found = [answer.json["images"][0]["faces"][0]["probabilities"] for answer in answers]
    np.testing.assert_allclose(found, classifier.probs(faces), atol=1e-5)
    assert _metric(metrics, "emotion_batch_faces_sum") == len(faces)
    assert _metric(metrics, "emotion_batch_faces_count") < len(faces)


def test_metrics_count_and_tell_nothing_about_pictures(make_service, photo):
    with running(make_service()) as caller:
        caller.send(photo)
        caller.send(b"x")
        caller.ask("GET", "/private-name")
        answer = caller.ask("GET", "/metrics")
    text = answer.body.decode()
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert _metric(text, 'emotion_requests_total{path="/v1/predict",status="200"}') == 1
    assert _metric(text, 'emotion_requests_total{path="/v1/predict",status="422"}') == 1
    assert _metric(text, 'emotion_refusals_total{code="bad_image"}') == 1
    assert _metric(text, "emotion_faces_total") == 1
    assert "private-name" not in text and "face.png" not in text and "127.0.0.1" not in text


def test_a_large_file_never_touches_the_disk(caller, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")  # where larger files would be spooled
    noise = np.random.default_rng(0).integers(0, 256, (1_000, 1_000, 3), dtype=np.uint8)
    data = encoded(noise)
    assert len(data) > 2_000_000
    assert caller.send(data).status == 200


def test_an_unforeseen_error_is_one_answer_and_its_log_has_no_content(
    make_service, photo, monkeypatch, caplog
):
    def broken(data):
        raise ValueError("secret content")

    monkeypatch.setattr(photo_file, "shrinkage", broken)
    with running(make_service()) as caller:
        answer = caller.send(photo)
        assert (answer.status, answer.code) == (500, "failed")
        assert "secret" not in answer.body.decode() + caplog.text
        assert "ValueError" in caplog.text
        monkeypatch.undo()
        assert caller.send(photo).status == 200


def _metric(text: str, name: str) -> float:
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def _pair() -> bytes:
    """The woman beside a smaller copy of herself."""
    pair = np.full((512, 900, 3), 128, np.uint8)
    pair[:, :512] = skimage.data.astronaut()
    pair[100:356, 600:856] = skimage.data.astronaut()[::2, ::2]
    return encoded(pair)


def test_every_refusal_is_described(caller):
    document = caller.ask("GET", "/openapi.json").json
    described = set(document["paths"]["/v1/predict"]["post"]["responses"])
    assert {"400", "408", "413", "415", "422", "429", "503"} < described
    assert json.dumps(document["paths"]["/v1/predict"]["post"]["requestBody"]).count("binary") == 1
