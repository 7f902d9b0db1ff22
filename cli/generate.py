"""`assay generate`: texts from a local model, marked as they are written."""

from pathlib import Path

import click
from assay.models import EMBEDDED, resolve


@click.command()
@click.option("--mark", "mark_path", type=click.Path(path_type=Path), help="Profile of the mark to write.")
@click.option("--no-mark", is_flag=True, help="Write unmarked text (for comparison), in place of --mark.")
@click.option("--model", default=EMBEDDED, show_default=True, help="Causal model: folder, hub id, or `embedded`.")
@click.option("--revision", help="Revision of a hub model.")
@click.option("--prompts", help="Prompts: .jsonl (field `prompt`, or `messages`), .txt (one a line), - for stdin.")
@click.option("--prompt", "texts", multiple=True, help="A prompt; repeatable. Without any, the model begins by itself.")
@click.option("--prompt-field", default="prompt", show_default=True, help="Field that holds the prompt.")
@click.option("-n", "count", type=click.IntRange(1), default=1, show_default=True, help="Texts for each prompt.")
@click.option(
    "--max-new-tokens", type=click.IntRange(1), default=200, show_default=True, help="Longest text, in tokens."
)
@click.option("--min-new-tokens", default=0, show_default=True, help="The model may not end a text before this many.")
@click.option("--temperature", default=1.0, show_default=True, help="0 is greedy.")
@click.option("--top-k", default=0, show_default=True, help="Keep this many candidates; 0 keeps all.")
@click.option("--top-p", default=1.0, show_default=True, help="Keep candidates of this much probability.")
@click.option("--batch-size", type=click.IntRange(1), default=8, show_default=True, help="Texts generated together.")
@click.option("--seed", default=0, show_default=True, help="With a prompt's id, decides its text.")
@click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1 ...; auto takes a GPU if there is one."
)
@click.option("--dtype", default="auto", show_default=True, help="float32, bfloat16, float16.")
@click.option("--no-chat", is_flag=True, help="Give prompts as they are, even to a model with a chat template.")
@click.option("--out", default="-", show_default=True, help="Output, .jsonl; a re-run of the same command resumes it.")
def generate(
    mark_path: Path | None,
    no_mark: bool,
    model: str,
    revision: str | None,
    prompts: str | None,
    texts: tuple[str, ...],
    prompt_field: str,
    count: int,
    max_new_tokens: int,
    min_new_tokens: int,
    temperature: float,
    top_k: int,
    top_p: float,
    batch_size: int,
    seed: int,
    device: str,
    dtype: str,
    no_chat: bool,
    out: str,
) -> None:
    """Generate texts with a local model and mark them.

    One JSON line a text: id, prompt, text (without the prompt), provenance. A batch is written when it is finished, longest prompts
    of a window first; a text depends on its prompt's id, the seed and the settings, not on the others.

    \b
    Example:
      assay generate --mark mark.toml --prompt "The history of the lighthouse" -n 3 --out texts.jsonl
      echo '{"id": "a", "prompt": "In this paper, we"}' | assay generate --mark mark.toml --prompts - | jq -r .text
    """
    if (mark_path is None) != no_mark:
        raise click.UsageError("give either --mark MARK.toml or --no-mark")
    if prompts is not None and texts:
        raise click.UsageError("give either --prompts or --prompt, not both")
    from assay.watermark.profile import check_tokenizer, load_mark
    from assay.watermark.tokenizer import load_tokenizer

    # What is wrong is said before torch is imported and a model loaded.
    loaded = load_mark(mark_path) if mark_path else None
    if loaded:
        check_tokenizer(loaded, load_tokenizer(resolve(model), revision), model)

    from assay.corpus.generate_files import GenerationRun, PromptSource
    from assay.watermark.decoding import Decoding
    from assay.watermark.model import load_model

    alone = prompts is None and not texts
    try:
        decoding = Decoding(
            max_new_tokens,
            temperature,
            top_k,
            top_p,
            batch_size,
            seed,
            samples=1 if alone else count,
            chat=not no_chat,
            min_new_tokens=min_new_tokens,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    source = PromptSource(prompts, texts, count, prompt_field)
    run = GenerationRun(out, source, loaded, decoding, (model, revision or "", dtype))
    summary = run.write(load_model(model, resolve(model), revision, device, dtype), _say)
    if out != "-":
        before = f", {summary.there_before} were there already" if summary.there_before else ""
        _say(f"{out}: {summary.written} texts written{before}")
    if summary.refused:
        _say(f"{summary.refused} prompts could not be used (named above); the others are done")
        raise SystemExit(1)


def _say(line: str) -> None:
    click.echo(f"assay: {line}", err=True)
