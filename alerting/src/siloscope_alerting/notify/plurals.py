"""The form of a word that goes with a number."""


def plural(number: int, *forms: str) -> str:
    """Return the form for a number: of two the English way, of three the East Slavic way (one, few, many).

    Source: Unicode CLDR, language plural rules, cardinal numbers without decimals, of `en` and `uk`.

    >>> [plural(number, "датчик", "датчики", "датчиків") for number in (1, 3, 11, 21)]
    ['датчик', 'датчики', 'датчиків', 'датчик']
    """
    if len(forms) == 2:
        return forms[0] if number == 1 else forms[1]
    one, few, many = forms
    tens, ones = number % 100, number % 10
    if ones == 1 and tens != 11:
        return one
    return few if 2 <= ones <= 4 and not 12 <= tens <= 14 else many
