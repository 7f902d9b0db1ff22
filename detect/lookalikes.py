# ruff: noqa: RUF001, RUF002 - look-alikes are what this table is made of
"""Letters that can be taken for Latin ones.

Facts from Unicode Technical Standard 39 (confusables.txt), kept to letters and to the scripts that attackers use, and from the tables of
published attacks: RAID (Dugan et al. 2024, arXiv:2405.07940) and TextAttack's homoglyph swap (Morris et al. 2020, arXiv:2005.05909).
Where those give several targets for a capital I or a small l, the shape of a serif typeface decides. Not here: forms that NFKC folds
(`compatibility.py`), letters of scripts in which joiners matter, and letters of living Latin alphabets (ı, ƒ, ş, ł, ɓ, ə).

`SAME` look alike in most typefaces. `ALIKE` only resemble; alone they say nothing, in a word with Latin letters they do.
"""

from functools import cache

# Latin letter -> Cyrillic, Greek, Armenian, Cherokee, Canadian syllabics, Lisu, Coptic; then small capitals and phonetic letters
_SAME = (
    "aа bᑲ cсϲⲥꮯ dԁᑯꓒ eе gց hһհ iіꙇ jјϳյ lӏ nո oоοօⲟ pрⲣ qԛզ rⲅꮁ sѕꮪ uս vνѵꮩ wԝꮃ xх yу zꮓ "
    "AАΑᎪᗅꓮ BВΒᏴᗷꓐ CСϹᏟꓚⲤ DᎠᗞᗪꓓ EЕΕᎬꓰ FᖴꓝϜ GԌᏀꓖ HНΗᎻᕼꓧⲎ IІӀΙꓲⲒ JЈͿᎫᒍꓙ KКΚᏦꓗⲔ LᏞᒪꓡ MМΜᎷᗰꓟⲘϺ NΝꓠⲚ "
    "OОΟՕꓳⲞ PРΡᏢᑭꓑⲢ QԚ RᎡᏒᖇꓣ SЅՏᏚᏕꓢ TТΤᎢꓔⲦ UՍᑌꓴ VѴᏙᐯꓦ WԜᎳᏔꓪ XХΧ᙭ꓫⲬ YУҮΥᎩᎽꓬⲨ ZΖᏃꓜ "
    "aᴀɑ bʙƄ cᴄ dᴅ eᴇ fꜰ gɢɡ hʜ iɪɩ jᴊ kᴋ lʟ mᴍ nɴ oᴏ pᴘ rʀ sꜱ tᴛ uᴜ vᴠ wᴡ yʏ zᴢ"
)
_ALIKE = "aα bЬь eεҽ hᏂ iιᎥ kкκ mм nηпռ oσ pρ rгᴦ tтτ uυ wωѡ xχᕁ yγү gɣ"
_DIGITS = "9৭ 8Ȣ 6б 5Ƽ 4Ꮞ 3ƷЗ 2ᒿ"
HYPHEN = "\u02d7"  # modifier letter minus sign
TIMES = "\xd7"  # stands for x in TextAttack's table
PHONETIC = frozenset("ɑɡɪɩɣʏɢʀʟʜɴʙ")  # letters of the phonetic alphabet: at home between slashes and brackets


def _parse(table: str) -> dict[str, str]:
    return {look: entry[0] for entry in table.split() for look in entry[1:] if look.isalpha()}


@cache
def same() -> dict[str, str]:
    """Return the letters that look like a Latin one, with that one."""
    return _parse(_SAME)


@cache
def lookalikes() -> dict[str, str]:
    """Return `same` and the letters that resemble a Latin one."""
    return same() | _parse(_ALIKE)


@cache
def digits() -> dict[str, str]:
    """Return the characters that are put in place of digits."""
    return {look: entry[0] for entry in _DIGITS.split() for look in entry[1:]}
