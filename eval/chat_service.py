"""An instruction model behind an OpenAI-compatible address: one request a passage, tried again where the service is busy.

The key is read from the environment variable that the user names and goes into the request's header only: what a service answers to a refused request is not
shown, because some answers repeat the key. Which text a service returns is its own affair; a seed is sent, few honour it.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult, urlsplit

from assay.errors import DataError, ModelError

_BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class ChatService:
    """A service.

    Attributes:
        address: of its API, up to and without `/chat/completions`.
        model: as the service calls it.
        key_env: environment variable that holds the key; empty if it wants none.
        temperature, top_p, max_tokens: sent with each request.
        timeout_s: longest wait for one answer.
        retries: further tries after a busy or broken one.
        parallel: requests under way at once.
        wait_s: before the first further try; twice as long before each one after it.
    """

    address: str
    model: str
    key_env: str
    temperature: float
    top_p: float
    max_tokens: int
    timeout_s: float
    retries: int
    parallel: int
    wait_s: float = 1.0

    def check(self) -> None:
        """Refuse an address that is none, and a key that is not in the environment; nothing is sent.

        Raises:
            DataError: in one line.
        """
        parts = _split(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DataError(f"address must be like http://host:port/v1, got {place_of(self.address)!r}")
        if parts.username or parts.password:
            raise DataError(
                "address must hold no user name or password; put the key into a variable and name it with key_env"
            )
        if not self.model:
            raise DataError("the service's model has no name; give it (option model)")
        self._key()

    def answer(self, prompts: Sequence[str], seeds: Sequence[int], places: Sequence[str]) -> list[str]:
        """Return what the model says to each prompt; an empty answer or a refusal is an answer.

        Raises:
            ModelError: in one line that names the place of a prompt, if the service does not answer it.
        """
        self.check()
        with ThreadPoolExecutor(max(min(self.parallel, len(prompts)), 1)) as pool:
            waiting = [pool.submit(self._one, *each) for each in zip(prompts, seeds, places, strict=True)]
            try:
                return [one.result() for one in waiting]
            except ModelError:
                pool.shutdown(cancel_futures=True)  # a service that fails one is not asked for all the others
                raise

    @cached_property
    def _client(self) -> Any:
        from huggingface_hub import InferenceClient

        # an empty string would make the library look for the user's own hub token and send it to this address
        return InferenceClient(base_url=self.address, api_key=self._key() or "none", timeout=self.timeout_s)

    def _key(self) -> str:
        if not self.key_env:
            return ""
        key = os.environ.get(self.key_env, "")
        if not key:
            raise DataError(
                f"the environment variable {self.key_env} (key_env) is not set; put the service's key there"
            )
        return key

    def _one(self, prompt: str, seed: int, place: str) -> str:
        reason = ""
        for attempt in range(self.retries + 1):
            if attempt:
                time.sleep(self.wait_s * 2 ** (attempt - 1))
            text, reason, final = self._try(prompt, seed)
            if not reason:
                return text
            if final:
                break
        tries = f"after {attempt + 1} tries" if attempt else "at once"  # pyright: ignore[reportPossiblyUnboundVariable]
        raise ModelError(
            f"{place}: the service at {place_of(self.address)} gave no answer ({reason}, {tries}); see its log, or try again"
        )

    def _try(self, prompt: str, seed: int) -> tuple[str, str, bool]:
        """Return the answer, why there is none, and whether asking again is no use."""
        from huggingface_hub.errors import (
            HfHubHTTPError,
            HTTPError,  # pyright: ignore[reportPrivateImportUsage] (of the HTTP library that the hub's version uses)
            InferenceTimeoutError,
        )

        try:
            answer: Any = self._client.chat_completion(
                [{"role": "user", "content": prompt}],
                model=self.model,
                temperature=self.temperature,
                top_p=self.top_p,
                max_tokens=self.max_tokens,
                seed=seed % 2**31,
            )
            return (answer.choices[0].message.content or "").strip(), "", True
        except InferenceTimeoutError:
            return "", f"none within {self.timeout_s:g} s", False
        except HfHubHTTPError as error:
            status = getattr(error.response, "status_code", None)
            return "", f"status {status}", status not in _BUSY
        except (HTTPError, OSError) as error:
            return "", f"cannot be reached: {type(error).__name__}", False
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:  # an answer of another form
            return "", f"its answer is no chat completion: {type(error).__name__}", True


def place_of(address: str) -> str:
    """Return an address without what may be secret: user, password, query."""
    parts = _split(address)
    port = f":{parts.netloc.rpartition(':')[2]}" if parts.netloc.rpartition(":")[2].isdecimal() else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}" if parts.hostname else "no address"


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # a bracket that is not closed
        return urlsplit("")
