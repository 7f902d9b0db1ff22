"""Rewriting by an instruction model behind a real HTTP server on this machine, and by the embedded model as a stand-in for a local one."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from assay.errors import AssayError, DataError, ModelError
from assay.eval.attack import attack_texts, make_attack
from assay.eval.rewrite_prompts import read_prompts

KEY = "sk-very-secret-0123456789"
TEXTS = ["The ship went down. No one saw it.\n\nThe sea came up.", "", "One more line."]


class Service(ThreadingHTTPServer):
    """Speaks chat completions: says the passage in capitals, unless told to do worse."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests, self.statuses, self.delay_s, self.said = [], [], 0.0, None

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append((self.path, self.headers.get("authorization"), body))
        time.sleep(self.server.delay_s)
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        passage = body["messages"][0]["content"].rsplit("PASSAGE:", 1)[-1]
        said = passage.upper() if self.server.said is None else self.server.said
        content = {"id": "1", "object": "chat.completion", "created": 0, "model": body["model"], "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}
        ], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}, "system_fingerprint": ""}  # fmt: skip
        answer = json.dumps(
            content if status == 200 else {"error": f"no, {self.headers.get('authorization')}"}
        ).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


@pytest.fixture
def service():
    with Service() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def prompts(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text("# a comment\nSay it.\nPASSAGE:{text}\n---\nSay it again.\nPASSAGE:{text}\n")
    return str(path)


@pytest.fixture
def rewrite(service, prompts, monkeypatch):
    monkeypatch.setenv("ASSAY_TEST_KEY", KEY)

    def made(**options):
        fields = {"model": "writer-1", "address": service.address, "prompts": prompts, "key_env": "ASSAY_TEST_KEY"}
        return make_attack("rewrite", fields | options)

    return made


def test_blocks_are_asked_for_and_take_the_place_of_the_old_ones(service, rewrite):
    ids = ["a", "b", "c"]
    new = attack_texts(rewrite(sentences=1), TEXTS, 1.0, ids)
    assert new == [text.upper() for text in TEXTS]
    path, key, body = service.requests[0]
    assert (path, key, body["model"]) == ("/v1/chat/completions", f"Bearer {KEY}", "writer-1")
    assert body["temperature"] == 0.7
    assert body["max_tokens"] == 512
    assert body["seed"] >= 0
    assert len(service.requests) == 4
    openings = {request[2]["messages"][0]["content"].splitlines()[0] for request in service.requests}
    assert openings <= {"Say it.", "Say it again."}


def test_the_strength_is_the_share_of_blocks(service, rewrite):
    text = " ".join(["It rained."] * 40)
    (new,) = attack_texts(rewrite(sentences=1), [text], 0.5, ["x"])
    assert 19 <= new.count("IT RAINED.") <= 21
    assert new.upper() == text.upper()


def test_rounds_rewrite_the_rewrite(service, rewrite):
    service.said = "x"
    assert attack_texts(rewrite(rounds=3), ["One."], 1.0, ["a"]) == ["x"]
    assert [request[2]["messages"][0]["content"].rsplit(":", 1)[-1] for request in service.requests] == [
        "One.",
        "x",
        "x",
    ]


def test_refusals_and_empty_answers_are_kept(service, rewrite):
    service.said = "I cannot help with that."
    assert attack_texts(rewrite(), ["One."], 1.0, ["a"]) == ["I cannot help with that."]
    service.said = ""
    assert attack_texts(rewrite(rounds=2), ["One."], 1.0, ["a"]) == [""]


def test_a_busy_service_is_asked_again(service, rewrite):
    service.statuses = [503, 429]
    assert attack_texts(rewrite(retries=3), ["One."], 1.0, ["a"]) == ["ONE."]
    assert len(service.requests) == 3


@pytest.mark.parametrize(("status", "options", "tries"), [(401, {}, "at once"), (500, {"retries": 1}, "after 2 tries")])
def test_a_failed_text_is_one_line_that_names_it_and_not_the_key(service, rewrite, status, options, tries):
    service.statuses = [200, *[status] * 4]
    with pytest.raises(ModelError) as caught:
        attack_texts(rewrite(parallel=1, **options), ["One.", "Two."], 1.0, ["a", "b"])
    message = str(caught.value)
    assert message.startswith("text 2, block 1: ")
    assert f"status {status}" in message
    assert tries in message
    assert "\n" not in message
    assert KEY not in message
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_hanging_service_is_given_up(service, rewrite):
    service.delay_s = 0.5
    with pytest.raises(ModelError, match=r"text 1, block 1: .*none within 0\.1 s|cannot be reached"):
        attack_texts(rewrite(timeout_s=0.1, retries=0), ["One."], 1.0, ["a"])


def test_a_service_that_is_not_there_is_one_line(rewrite):
    with pytest.raises(ModelError, match="cannot be reached"):
        attack_texts(rewrite(address="http://127.0.0.1:9/v1", retries=0), ["One."], 1.0, ["a"])


def test_no_key_is_anywhere_but_in_the_request(rewrite, monkeypatch):
    attack = rewrite()
    assert KEY not in json.dumps(attack.signature())
    assert KEY not in repr(attack)
    monkeypatch.delenv("ASSAY_TEST_KEY")
    with pytest.raises(DataError, match=r"ASSAY_TEST_KEY \(key_env\) is not set"):
        rewrite().check()
    with pytest.raises(DataError, match="not the key itself"):
        rewrite(key_env=KEY)
    with pytest.raises(DataError, match="no user name or password"):
        rewrite(address="http://me:secret@127.0.0.1/v1", key_env="").check()


def test_no_token_of_the_user_goes_to_a_service_without_a_key(service, rewrite, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_user")
    attack_texts(rewrite(key_env=""), ["One."], 1.0, ["a"])
    assert "hf_of_the_user" not in str(service.requests[0][1])


def test_prompts_are_read_and_checked(prompts, tmp_path):
    assert read_prompts(prompts) == ("Say it.\nPASSAGE:{text}", "Say it again.\nPASSAGE:{text}")
    assert len(read_prompts("")) >= 3
    path = tmp_path / "bad.txt"
    path.write_text("{text}\n---\nno place\n")
    with pytest.raises(DataError, match=r"prompt 2 of .* has no \{text\}"):
        read_prompts(str(path))
    path.write_text("# only this\n")
    with pytest.raises(DataError, match="holds no prompt"):
        read_prompts(str(path))
    with pytest.raises(DataError, match="cannot read the prompts"):
        read_prompts(str(tmp_path / "absent.txt"))


def test_a_local_model_rewrites_each_text_by_its_own_seed(prompts):
    attack = make_attack("rewrite", {"model": "embedded", "prompts": prompts, "max_tokens": 12, "device": "cpu"})
    texts, ids = ["The ship went down.", "No one saw it go."], ["a", "b"]
    new = attack_texts(attack, texts, 1.0, ids)
    assert new == attack_texts(attack, texts, 1.0, ids)
    assert new != attack_texts(attack, texts, 1.0, ids, seed=1)
    assert new[0] not in texts
    assert attack.signature()["model"]["sha256"]


def test_options_out_of_range_and_absent_models_are_one_line(rewrite, tmp_path):
    with pytest.raises(DataError, match="rounds must be from 1 to 100"):
        rewrite(rounds=0)
    with pytest.raises(AssayError, match="no such folder"):
        make_attack("rewrite", {"model": str(tmp_path / "absent")}).check()
