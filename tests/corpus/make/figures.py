"""Numbers for the sidecars: high precision, no automatic differentiation.

Every function is evaluated by mpmath with 110 digits. A gradient is a central
difference with a step of 1e-35 of the argument, so its relative error is well
below 1e-30: far less than the 17 digits that a sidecar keeps, and found without
any rule of differentiation that the code under test could share.
"""

import struct
from pathlib import Path

from mpmath import mp, mpf

mp.dps = 110
STEP = mpf(10) ** -35
CORPUS = Path(__file__).resolve().parent.parent


def exact_in_f32(number):
    """Whether a number is the same in f32 (and so in f64)."""
    try:
        return mpf(struct.unpack("f", struct.pack("f", float(number)))[0]) == mpf(number)
    except OverflowError:
        return False


def flat(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def partial(function, inputs, name, index):
    """d function / d inputs[name][index], a double if it is one up to 1e-30."""
    step = STEP * max(abs(flat(inputs[name])[index]), mpf(10) ** -31)

    def moved(by):
        copy = {key: list(flat(value)) if isinstance(value, (list, tuple)) else value for key, value in inputs.items()}
        if isinstance(copy[name], list):
            copy[name][index] = mpf(copy[name][index]) + by
        else:
            copy[name] = mpf(copy[name]) + by
        return function(copy)

    found = (moved(step) - moved(-step)) / (2 * step)
    near = mpf(float(found)) if abs(found) < mpf(10) ** 300 else found
    return near if abs(near - found) <= abs(found) * mpf(10) ** -30 else found


def gradient(function, inputs, name):
    """The whole gradient of one wire, of its shape."""
    value = inputs[name]
    if isinstance(value, (list, tuple)):
        return [partial(function, inputs, name, index) for index in range(len(value))]
    return partial(function, inputs, name, 0)


def number(value):
    """A number in TOML: 17 significant digits, or exactly if it is short."""
    value = mpf(value)
    if abs(value) < mpf(10) ** -400:
        return "0"
    if value == mp.inf:
        return "inf"
    if value == -mp.inf:
        return "-inf"
    if value > mpf(10) ** 308:
        return "inf"
    if value < -(mpf(10) ** 308):
        return "-inf"
    if value == int(value) and abs(value) < mpf(10) ** 15:
        return str(int(value))
    short = repr(float(value))
    if mpf(float(value)) == value:
        return short.replace("e+", "e")
    text = mp.nstr(value, 17, min_fixed=-6, max_fixed=17)
    return text.replace("e+", "e")


def entry(value):
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key(k)} = {v}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(number(v) for v in value) + "]"
    return number(value)


def key(name):
    return name if name.replace("_", "").isalnum() else f'"{name}"'


def table(title, entries):
    """`title = { a = 1, b = 2 }`, as a table of its own when it would be long."""
    line = f"{title} = {{ " + ", ".join(f"{key(k)} = {entry(v)}" for k, v in entries.items()) + " }"
    if len(line) <= 110:
        return line + "\n"
    return "".join(f"{title}.{key(k)} = {entry(v)}\n" for k, v in entries.items())


def tolerance(f32, f64, gradient_scale=None):
    text = f"tolerance = {{ f32 = {f32:g}, f64 = {f64:g}"
    return text + (f", gradient_scale = {gradient_scale:g} }}\n" if gradient_scale else " }\n")


def case(inputs, values, gradients, note=None, judge="exact = true\n", row=None):
    text = "\n[[case]]\n"
    if note:
        text += f'note = "{note}"\n'
    if row is not None:
        text += f"row = {row}\n"
    if inputs:
        text += table("inputs", inputs)
    text += table("values", values)
    text += table("gradients", gradients)
    return text + judge


def write(name, circuit, sidecar):
    if circuit is not None:
        (CORPUS / f"{name}.circuit").write_text(circuit)
    (CORPUS / f"{name}.expect.toml").write_text(sidecar)


def pattern(count, step, modulus, divide):
    """Weights that look random, are exact in f32 and need no list: element k is
    ((k * step) mod modulus - (modulus - 1) / 2) / divide."""
    return [mpf((k * step) % modulus - (modulus - 1) // 2) / divide for k in range(count)]


class At(dict):
    """The point a function is evaluated at: wires by name.

    A function names its intermediate wires by `at.wire(name, compute)`; where
    the point already holds that wire, its value is taken instead, so that a
    central difference can also move an intermediate wire.
    """

    def __init__(self, entries):
        super().__init__(entries)
        self.seen = {}

    def wire(self, name, compute):
        value = self[name] if name in self else compute()
        self.seen[name] = value
        return value


def real(value):
    return [mpf(v) for v in value] if isinstance(value, (list, tuple)) else mpf(value)


def evaluated(function, inputs, values, gradients):
    """The values and gradients asked for: (values, gradients) by wire name,
    where `w[3]` asks for one element of w."""
    inputs = {name: real(value) for name, value in inputs.items()}
    at = At(inputs)
    at.seen["f"] = function(at)
    known = {**inputs, **at.seen}

    def objective(point):
        return function(At(point))

    def one(name, found):
        if "[" not in name:
            return found(name, None)
        return found(name.split("[")[0], int(name.split("[")[1].rstrip("]")))

    def value(name, index):
        return known[name] if index is None else known[name][index]

    def slope(name, index):
        if name == "f":
            return mpf(1)
        point = {**inputs, name: known[name]}
        return gradient(objective, point, name) if index is None else partial(objective, point, name, index)

    return {n: one(n, value) for n in values}, {n: one(n, slope) for n in gradients}


def judged(function, inputs, values, gradients, note=None, judge="", shown=None, row=None):
    """A case with its numbers found; `shown` are the inputs to print where they
    are not the numbers themselves (a pattern, or a row of the data)."""
    found = evaluated(function, inputs, values, gradients)
    return case(inputs if shown is None else shown, *found, note=note, judge=judge, row=row)
