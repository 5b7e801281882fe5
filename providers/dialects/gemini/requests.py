"""A Messages request as `generateContent`: every member carried, changed or listed as lost.

Source: `GenerateContentRequest` and `GenerationConfig` of the Gemini API.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from providers.dialects.answer_format import ANY_JSON, wanted_format
from providers.dialects.gemini.contents import Manner, contents_of, part_of
from providers.dialects.gemini.settings import Options, generation_of, options_of
from providers.dialects.gemini.thinking import thinking_of
from providers.dialects.gemini.tools import tools_of
from providers.dialects.json_requests import body_of, headers_for
from providers.dialects.losses import Losses
from providers.dialects.pieces import takes_of
from providers.dialects.seams import Ask, Encoded, Mended, without_thinking
from providers.dialects.thought_signatures import refuses_signatures
from providers.dialects.tool_names import restored_names, sent_names, tool_names_of
from providers.dialects.turns import system_of, turns_of
from providers.dialects.unsent import TRANSLATED, lose_the_rest, lose_user
from providers.errors import ProviderError
from providers.messages.signatures import issuer_of


def encode(ask: Ask) -> Encoded:
    """The upstream request. Raises `Unencodable` for content nested deeper than it can be written."""
    return _encoded(ask, refused=False)


def mended(ask: Ask, encoded: Encoded, error: ProviderError) -> Mended | None:
    """The request without signatures, after a refusal that is about these; None where that is no help.

    A signature is bound to the model and the project that gave it, and one is missed from calls of another provider's
    model. The calls are marked instead, unless the settings say `plain`.
    """
    if error.status != 400 or not refuses_signatures(error.message):
        return None
    again = _encoded(ask, refused=True)
    return without_thinking(again) if again.body != encoded.body else None


def _encoded(ask: Ask, *, refused: bool) -> Encoded:
    options = ask.options if isinstance(ask.options, Options) else options_of(ask.provider)
    losses = Losses()
    names = sent_names(tool_names_of(ask.request), gemini=True)
    body = body_of(partial(_body, ask, options, names, refused, losses))
    stream = ask.request.stream
    return Encoded(
        path=f"/{_resource(ask.model)}:{'streamGenerateContent' if stream else 'generateContent'}",
        body=body,
        headers=headers_for(stream, options.extra_headers),
        lost=losses.listed(),
        tool_names=restored_names(names),
        query="alt=sse" if stream else "",
    )


def _resource(model: str) -> str:
    """The model in the path; a name that says its collection (`tunedModels/mine`) keeps it, any other is one segment."""
    collection, found, name = model.partition("/")
    if found and collection in ("models", "tunedModels"):
        return f"{collection}/{quote(name, safe='')}"
    return f"models/{quote(model, safe='')}"


def _body(ask: Ask, options: Options, names: Mapping[str, str], refused: bool, losses: Losses) -> dict[str, Any]:
    """The members in a fixed order, so that equal requests are equal bytes. `refused`: no signature is worth anything."""
    request = ask.request
    generation = generation_of(ask.model, options)
    takes = takes_of(ask.model_spec, files=options.documents == "file", file_urls=True)
    system = system_of(request.system, takes, losses)
    manner = Manner(
        issuer=None if refused else issuer_of("gemini", ask.provider.name),
        names=names,
        call_ids=options.call_ids,
        marks_unsigned=options.unsigned_calls == "marker"
        or (options.unsigned_calls == "auto" and (refused or generation >= 3)),
        media_inside=options.result_media == "inside" or (options.result_media == "auto" and generation >= 3),
        system_is_leading=options.mid_conversation_system == "leading",
    )
    contents, leading = contents_of(turns_of(request.messages, takes, losses), manner, losses)
    body: dict[str, Any] = {}
    if system or leading:
        body["systemInstruction"] = {"parts": [part_of(piece) for piece in (*system, *leading)]}
    body["contents"] = contents
    tools = tools_of(request, ask.model_spec, options, generation, names, losses)
    body |= tools.members
    if options.safety_settings:
        body["safetySettings"] = [
            {"category": category, "threshold": threshold} for category, threshold in options.safety_settings.items()
        ]
    config = _generation_config(ask, options, generation, tools.has_functions, losses)
    if config:
        body["generationConfig"] = config
    lose_user(request, "this API has no such member", losses)
    lose_the_rest(ask, TRANSLATED, losses, ("seed", "response_format"))
    return body | dict(options.extra_body)


def _generation_config(
    ask: Ask, options: Options, generation: float, has_functions: bool, losses: Losses
) -> dict[str, Any]:
    request = ask.request
    config: dict[str, Any] = {}
    most = ask.model_spec.max_output_tokens if ask.model_spec is not None else None
    if request.max_tokens is not None:
        config["maxOutputTokens"] = request.max_tokens
        if most is not None and request.max_tokens > most:
            losses.add("max_tokens", f"{request.max_tokens} is more than the {most} of `{ask.model}`, which are sent")
            config["maxOutputTokens"] = most
    for name, value in (("temperature", request.temperature), ("topP", request.top_p), ("topK", request.top_k)):
        if value is not None:
            config[name] = value
    if "seed" in request.chat_only:
        config["seed"] = request.chat_only["seed"]
    stops = list(request.stop_sequences)
    if stops:
        taken = options.max_stop_sequences
        losses.add("stop_sequences", f"the upstream takes {taken} at most, the others are left out", len(stops) - taken)
        if stops[:taken]:
            config["stopSequences"] = stops[:taken]
    config |= thinking_of(ask.model, request, options, ask.model_spec, generation, losses)
    return config | _form(ask, options, generation, has_functions, losses)


def _form(ask: Ask, options: Options, generation: float, has_functions: bool, losses: Losses) -> dict[str, Any]:
    wanted = wanted_format(ask.request, losses)
    if wanted is None:
        return {}
    field, schema = wanted
    if options.structured_output == "drop" or schema is None:
        losses.add(field, "this upstream cannot promise the form of its answer")
        return {}
    if has_functions and generation < 3:
        losses.add(field, "this model takes no form of its answer beside functions")
        return {}
    if schema is ANY_JSON:
        return {"responseMimeType": "application/json"}
    if options.structured_output == "json":
        losses.add(f"{field}.schema", "`structuredOutput` is `json`, so the schema is not sent")
        return {"responseMimeType": "application/json"}
    return {"responseMimeType": "application/json", "responseJsonSchema": schema}
