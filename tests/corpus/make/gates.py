"""Writes gate-*.circuit and gate-*.expect.toml: every elementwise gate at
several points, extremes among them. See figures.py for how.

Run: python gates.py   (needs mpmath)
"""

from mpmath import mp, mpf

import figures as n

ORIGIN = "mpmath at 110 digits, gradients by central difference (make/gates.py)"
B = mpf(2)


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def gelu(x):
    return x * mp.erfc(-x / mp.sqrt(2)) / 2


def gelu_tanh(x):
    return x * sigmoid(2 * mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3))


def clamp(x, low, high):
    return max(mpf(low), min(mpf(high), x))


EXACT = None
ONE = [(x,) for x in (-2.5, -0.5, 0.25, 1, 3)]
TWO = [(2, 3), (-2, 5), (0.5, -0.25), (-1.5, -4), (mpf(3), mpf(0.125))]
BIG = B**100
SMALL = B**-100

# name, formula, function, points, tolerance (f32, f64[, scale]) or EXACT,
# remark. EXACT holds only for points whose numbers are the same in f32; others
# get the tolerance of correctly rounded arithmetic.
GATES = [
    ("add", "x + y", lambda x, y: x + y, TWO + [(BIG, 1), (SMALL, -SMALL)], EXACT),
    ("sub", "x - y", lambda x, y: x - y, TWO + [(1, BIG), (SMALL, SMALL / 2)], EXACT),
    ("mul", "x * y", lambda x, y: x * y, TWO + [(BIG, SMALL), (BIG, BIG), (SMALL, SMALL)], EXACT),
    ("div", "x / y", lambda x, y: x / y, TWO + [(1, 3), (B**60, B**-50), (7, -8)], EXACT),
    ("neg", "-x", lambda x: -x, ONE + [(BIG,), (-SMALL,)], EXACT),
    ("abs", "abs(x)", abs, ONE + [(-BIG,), (-SMALL,)], EXACT),
    ("min", "min(x, y)", lambda x, y: min(x, y), TWO + [(-BIG, BIG), (SMALL, -SMALL)], EXACT),
    ("max", "max(x, y)", lambda x, y: max(x, y), TWO + [(-BIG, BIG), (SMALL, -SMALL)], EXACT),
    ("pow", "x ^ y", lambda x, y: mp.power(x, y),
     [(2, 3), (1.5, -2.5), (0.25, 0.5), (9, 0.5), (5, 0), (1, 7), (B**20, 3), (B**-20, 2.5), (1.0009765625, 1000)],
     (2e-6, 1e-14)),
    ("sqrt", "sqrt(x)", mp.sqrt, [(0.25,), (2,), (9,), (100,), (BIG,), (SMALL,)], EXACT),
    ("square", "square(x)", lambda x: x * x, ONE + [(BIG,), (B**-60,)], EXACT),
    ("recip", "recip(x)", lambda x: 1 / x, ONE + [(B**60,), (B**-60,)], EXACT),
    ("exp", "exp(x)", mp.exp, ONE + [(-80,), (80,), (-100,), (100,), (B**-30,)], (5e-7, 2e-15)),
    ("log", "log(x)", mp.log, [(0.25,), (0.75,), (1,), (2,), (10,), (1.0009765625,), (BIG,), (SMALL,)], (5e-7, 2e-15)),
    ("sin", "sin(x)", mp.sin, ONE + [(100,), (-1000.5,), (B**20,), (B**-30,)], (5e-7, 2e-15)),
    ("cos", "cos(x)", mp.cos, ONE + [(100,), (-1000.5,), (B**20,), (B**-10,)], (5e-7, 2e-15)),
    ("tanh", "tanh(x)", mp.tanh, ONE + [(B**-20,), (9,), (-20,), (100,)], (5e-7, 2e-15, 1)),
    ("sigmoid", "sigmoid(x)", sigmoid, ONE + [(-20,), (20,), (-100,), (100,)], (5e-7, 2e-15, 1)),
    ("relu", "relu(x)", lambda x: max(x, mpf(0)), ONE + [(BIG,), (-BIG,), (SMALL,), (-SMALL,)], EXACT),
    ("leaky_relu", "leaky_relu(x)", lambda x: x if x > 0 else x * mpf("0.01"), ONE + [(B**60,), (-(B**60),)], (2e-7, 5e-16)),
    ("leaky_relu-slope", "leaky_relu(x, slope = 0.25)", lambda x: x if x > 0 else x / 4, ONE + [(-SMALL,)], EXACT),
    ("elu", "elu(x)", lambda x: x if x > 0 else mp.expm1(x), ONE + [(-B**-12,), (-20,), (-100,), (BIG,)], (5e-7, 2e-15, 1)),
    ("gelu", "gelu(x)", gelu, [(-3,), (-0.25,), (0.5,), (1,), (3,), (10,), (-5,)], (1e-5, 5e-14)),
    ("gelu_tanh", "gelu_tanh(x)", gelu_tanh, [(-3,), (-0.25,), (0.5,), (1,), (3,), (10,), (-5,)], (1e-5, 5e-14)),
    ("softplus", "softplus(x)", lambda x: mp.log1p(mp.exp(x)), ONE + [(-20,), (20,), (-100,), (100,)], (5e-7, 2e-15)),
    ("softsign", "softsign(x)", lambda x: x / (1 + abs(x)), ONE + [(1000,), (-B**30,), (SMALL,)], (5e-7, 2e-15)),
    ("hard_swish", "hard_swish(x)", lambda x: x * clamp(x + 3, 0, 6) / 6, [(-4,), (-2.5,), (-0.5,), (1,), (2.5,), (3.5,), (100,), (-100,)], (5e-7, 2e-15)),
    ("clip", "clip(x, -1, 2)", lambda x: clamp(x, -1, 2), ONE + [(BIG,), (-BIG,)], EXACT),
]

WHY = {
    "gelu": "x/sqrt(2) is rounded before erf, whose relative slope at -5 is about 25: hence 1e-5 in f32",
    "gelu_tanh": "the argument of the sigmoid is rounded, and its relative slope at -5 is about 17",
    "tanh": "the derivative 1 - t*t is right to a rounding of 1, hence gradient_scale",
    "elu": "the value wants expm1; the derivative value + 1 is right to a rounding of 1, hence gradient_scale",
    "sigmoid": "the derivative s(1 - s) is right to a rounding of 1, hence gradient_scale; values far out are in kink-far",
    "pow": "exp and log of the wide ones lose some units",
}


def main():
    for name, formula, function, points, judge in GATES:
        wires = ["x", "y"][: len(points[0])]
        circuit = f"# The gate of `{formula}` alone.\n"
        circuit += "".join(f"input {wire}\n" for wire in wires)
        circuit += f"f = {formula}\nmaximize f\n"
        side = f'origin = "{ORIGIN}"\n'
        if name in WHY:
            side += f"# {WHY[name]}\n"
        if judge:
            side += n.tolerance(*judge)
        for point in points:
            inputs = dict(zip(wires, (mpf(p) for p in point)))
            for value in inputs.values():
                assert n.exact_in_f32(value), (name, value)
            f = lambda at: function(*(at[w] for w in wires))
            value = f(inputs)
            grads = {wire: n.gradient(f, inputs, wire) for wire in wires}
            line = ""
            if judge is EXACT:
                shown = [value, *grads.values()]
                line = "exact = true\n" if all(n.exact_in_f32(v) for v in shown) else n.tolerance(2e-7, 5e-16)
            side += n.case(inputs, {"f": value}, grads, judge=line)
        n.write(f"gate-{name}", circuit, side)


if __name__ == "__main__":
    main()
