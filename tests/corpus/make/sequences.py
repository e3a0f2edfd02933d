"""Writes the circuits and sidecars of sequences and of what came with them
(loss-mae, loss-huber*, loss-cross_entropy-smooth*, layer-norm*, layer-gru*,
layer-rnn*, layer-dropout), the sidecar of motions, and its data. See figures.py
for how; the formulas are written down here from the papers, step by step, with
weights as PyTorch has them.

Run: python sequences.py   (needs mpmath)
"""

import csv
import math
import random

from mpmath import mp, mpf

import figures as n
from gates import sigmoid
from tensors import dense, dot, mean, rows, softmax

ORIGIN = "mpmath at 110 digits, gradients by central difference (make/sequences.py)"


def circuit(name, text, function, cases, values=("f",), gradients=(), tolerance=(1e-6, 4e-15), note=""):
    origin = ORIGIN if not note else f"{note}; {ORIGIN}"
    side = f'origin = "{origin}"\n' + n.tolerance(*tolerance)
    for inputs in cases:
        side += n.judged(function, inputs, values, gradients)
    n.write(name, text.lstrip("\n"), side)


# Losses


def huber(r, delta):
    return r * r / 2 if abs(r) <= delta else delta * (abs(r) - mpf(delta) / 2)


def smooth(logits, k, epsilon):
    """Szegedy et al. 2016, section 7."""
    p = softmax(logits)
    q = [(1 - mpf(epsilon)) * (j == k) + mpf(epsilon) / len(p) for j in range(len(p))]
    return -sum(q * mp.log(p) for q, p in zip(q, p))


def losses():
    circuit("loss-mae", """
# The mean of the magnitudes of the differences; the target is a wire like another.
input p[4]
input t[4]
f = mae(p, t)
minimize f
""", lambda at: mean([abs(p - t) for p, t in zip(at["p"], at["t"])]),
        [{"p": [0.5, -1, 2, 8], "t": [1, 1, 1, -0.25]}, {"p": [1000, 0.125, -7, 0], "t": [-1000, 0, 7, 1]}],
        gradients=["p", "t"])
    circuit("loss-huber", """
# Half of the square up to a difference of 1, the magnitude less a half beyond it.
input p[4]
label t[4]
f = huber(p, t)
minimize f
""", lambda at: mean([huber(p - t, 1) for p, t in zip(at["p"], at["t"])]),
        [{"p": [0.5, -1, 2, 8], "t": [1, 1, 1.25, -0.25]}, {"p": [1000, 0.125, -7, 0], "t": [-1000, 0, 7, 0.75]}],
        gradients=["p"], note="P. Huber 1964")
    circuit("loss-huber-delta", """
# Where the square ends can be said.
input p
input t
f = huber(p, t, delta = 2.5)
minimize f
""", lambda at: huber(at["p"] - at["t"], mpf(2.5)),
        [{"p": 0.5, "t": 2}, {"p": -1.5, "t": 3}, {"p": 10, "t": 3}], gradients=["p", "t"], note="P. Huber 1964")
    circuit("loss-cross_entropy-smooth", """
# A tenth of the target is spread evenly over the classes.
input x[4]
label k : class(4)
f = cross_entropy(x, k, smoothing = 0.1)
minimize f
""", lambda at: smooth(at["x"], int(at["k"]), "0.1"),
        [{"x": [0.5, -1, 2, 0.25], "k": 2}, {"x": [0.5, -1, 2, 0.25], "k": 1}, {"x": [1, 1, 1, 1], "k": 3},
         {"x": [50, 0, -50, 49], "k": 0}, {"x": [100, -100, 0, 1], "k": 1}],
        gradients=["x"], note="C. Szegedy et al. 2016")
    circuit("loss-cross_entropy-smooth-inside", """
# Its gradient may come from further on.
input x[3]
input w
label k : class(3)
c = cross_entropy(w * x, k, smoothing = 0.25)
f = c * c + w
minimize f
""", lambda at: at.wire("c", lambda: smooth([at["w"] * x for x in at["x"]], int(at["k"]), 0.25)) ** 2 + at["w"],
        [{"x": [0.5, -1, 2], "w": 1.5, "k": 0}], values=("c", "f"), gradients=["x", "w", "c"],
        note="C. Szegedy et al. 2016")
    circuit("loss-cross_entropy-smooth-not", """
# A smoothing of 0 is the plain cross-entropy.
input x[3]
label k : class(3)
f = cross_entropy(x, k, smoothing = 0)
minimize f
""", lambda at: smooth(at["x"], int(at["k"]), 0), [{"x": [0.5, -1, 2], "k": 1}], gradients=["x"])


# Layers


def layer_norm(x, weight, bias, eps):
    """Ba, Kiros and Hinton 2016, equation 4, the deviation over n."""
    mu = mean(x)
    sigma = mp.sqrt(mean([(v - mu) ** 2 for v in x]) + mpf(eps))
    return [w * (v - mu) / sigma + b for v, w, b in zip(x, weight, bias)]


def gru(x, name, at, hidden):
    """Cho et al. 2014, with the reset inside as cuDNN and PyTorch have it."""
    h, out = [mpf(0)] * hidden, []
    for v in x:
        i = dense(v, at[f"{name}.weight_ih"], at[f"{name}.bias_ih"])
        u = dense(h, at[f"{name}.weight_hh"], at[f"{name}.bias_hh"])
        r = [sigmoid(i[j] + u[j]) for j in range(hidden)]
        z = [sigmoid(i[hidden + j] + u[hidden + j]) for j in range(hidden)]
        m = [mp.tanh(i[2 * hidden + j] + r[j] * u[2 * hidden + j]) for j in range(hidden)]
        h = [(1 - z[j]) * m[j] + z[j] * h[j] for j in range(hidden)]
        out += h
    return out


def rnn(x, name, at, hidden, act):
    """Elman 1990, with two biases as PyTorch has them."""
    h, out = [mpf(0)] * hidden, []
    for v in x:
        i = dense(v, at[f"{name}.weight_ih"], at[f"{name}.bias_ih"])
        u = dense(h, at[f"{name}.weight_hh"], at[f"{name}.bias_hh"])
        h = [act(i[j] + u[j]) for j in range(hidden)]
        out += h
    return out


def recurrent_weights(name, inputs, columns, hidden):
    return {
        f"{name}.weight_ih": n.pattern(columns * inputs, 7, 23, 16),
        f"{name}.weight_hh": n.pattern(columns * hidden, 11, 29, 16),
        f"{name}.bias_ih": n.pattern(columns, 5, 17, 16),
        f"{name}.bias_hh": n.pattern(columns, 3, 13, 8),
    }


RECURRENT = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]


def layers():
    circuit("layer-norm", """
# One row: mean 0 and deviation 1, then a weight and a bias for each element.
input x[4]
input v[4]
layer n = layer_norm()
y = n(x)
f = dot(y, v)
maximize f
""", lambda at: dot(at.wire("y", lambda: layer_norm(at["x"], at["n.weight"], at["n.bias"], "1e-5")), at["v"]),
        [{"x": [0.5, -1, 2, 3.25], "v": [1, -2, 0.5, 3], "n.weight": [1, 0.5, -2, 1.5], "n.bias": [0, 0.25, -1, 2]},
         {"x": [100, 101, 103, 99.5], "v": [1, -2, 0.5, 3], "n.weight": [1, 1, 1, 1], "n.bias": [0, 0, 0, 0]}],
        values=("y", "f"), gradients=["x", "v", "y", "n.weight", "n.bias"], tolerance=(4e-5, 1e-13),
        note="J. Ba et al. 2016")

    def normed_rows(at):
        y = at.wire("y", lambda: sum((layer_norm(r, at["n.weight"], at["n.bias"], 0.5) for r in rows(at["x"], 3)), []))
        return sum(v ** 3 for v in y)

    circuit("layer-norm-rows", """
# Each row of the innermost dimension by itself; weights are shared.
input x[2, 2, 3]
layer n = layer_norm(eps = 0.5)
y = n(x)
f = sum(y * y * y)
maximize f
""", normed_rows,
        [{"x": n.pattern(12, 7, 13, 4), "n.weight": [1, 0.5, -2], "n.bias": [0.25, 0.25, -1]}],
        values=("y", "f"), gradients=["x", "y", "n.weight", "n.bias"], tolerance=(4e-6, 2e-14),
        note="J. Ba et al. 2016")

    def last_of(function, inputs, hidden, steps):
        def whole(at):
            h = at.wire("h", lambda: function(rows(at["x"], inputs), at))
            return dot(h, h) + sum(at.wire("e", lambda: h[(steps - 1) * hidden :]))
        return whole

    circuit("layer-gru", """
# Gated units over a window: every step's output counts, the last one twice.
input x[4, 2]
layer g = gru(3)
h = g(x)
e = last(h)
f = sum(h * h) + sum(e)
maximize f
""", last_of(lambda x, at: gru(x, "g", at, 3), 2, 3, 4),
        [{"x": n.pattern(8, 5, 11, 4), **recurrent_weights("g", 2, 9, 3)}],
        values=("h", "e", "f"), gradients=["x", "h", "e", *(f"g.{w}" for w in RECURRENT)],
        tolerance=(4e-6, 2e-14), note="K. Cho et al. 2014")
    circuit("layer-gru-step", """
# A window of one step, one feature, one unit.
input x[1, 1]
layer g = gru(1)
h = g(x)
f = sum(h)
maximize f
""", lambda at: sum(at.wire("h", lambda: gru([at["x"]], "g", at, 1))),
        [{"x": [x], "g.weight_ih": [0.5, -1, 2], "g.weight_hh": [1, 2, 3], "g.bias_ih": [0.25, 0, -0.5],
          "g.bias_hh": [0.125, 1, -1]} for x in (0.75, 0, -2)],
        values=("h", "f"), gradients=["x", "h", *(f"g.{w}" for w in RECURRENT)], tolerance=(2e-6, 8e-15),
        note="K. Cho et al. 2014")

    def stacked(at):
        h = at.wire("h", lambda: gru(rows(at["x"], 2), "a", at, 2))
        k = at.wire("k", lambda: gru(rows(h, 2), "b", at, 2))
        return sum(v ** 2 for v in k)

    circuit("layer-gru-stacked", """
# One layer reads what another gave, step by step.
input x[3, 2]
layer a = gru(2)
layer b = gru(2)
h = a(x)
k = b(h)
f = sum(square(k))
maximize f
""", stacked, [{"x": n.pattern(6, 5, 11, 4), **recurrent_weights("a", 2, 6, 2), **recurrent_weights("b", 2, 6, 2)}],
        values=("h", "k", "f"),
        gradients=["x", "h", "k", *(f"{layer}.{w}" for layer in "ab" for w in RECURRENT)], tolerance=(4e-6, 2e-14),
        note="K. Cho et al. 2014")
    for name, said, act in (("layer-rnn", "3", mp.tanh), ("layer-rnn-relu", "3, activation = relu", lambda v: max(v, mpf(0)))):
        circuit(name, f"""
# A simple recurrent layer over a window.
input x[4, 2]
layer g = rnn({said})
h = g(x)
e = last(h)
f = sum(h * h) + sum(e)
maximize f
""", last_of(lambda x, at, act=act: rnn(x, "g", at, 3, act), 2, 3, 4),
            [{"x": n.pattern(8, 5, 11, 4), **recurrent_weights("g", 2, 3, 3)}],
            values=("h", "e", "f"), gradients=["x", "h", "e", *(f"g.{w}" for w in RECURRENT)],
            tolerance=(4e-6, 2e-14), note="J. Elman 1990")
    circuit("layer-dropout", """
# Nothing is left out when nothing is trained.
input x[5]
y = dropout(x, 0.5)
f = dot(y, y)
maximize f
""", lambda at: (lambda y: dot(y, y))(at.wire("y", lambda: list(at["x"]))),
        [{"x": [0.5, -1, 2, 0, 1e3]}], values=("y", "f"), gradients=["x", "y"])


# Motions

MOTIONS = n.CORPUS.parent / "data" / "motions.csv"


def motions():
    """Windows of 16 samples of two axes: 0 goes around, 1 to and fro, 2 draws an
    eight. Pace, beginning, size and direction differ from row to row, and each
    number has a Gaussian noise of 0.15."""
    draw = random.Random(1)
    lines = [",".join([*(f"window{k}" for k in range(32)), "motion"])]
    for row in range(300):
        motion = row % 3
        pace, start = draw.uniform(0.35, 0.6), draw.uniform(0, 2 * math.pi)
        size, way = draw.uniform(0.7, 1.3), draw.choice([-1, 1])
        tilt = draw.uniform(0.2, 1.3)
        window = []
        for t in range(16):
            angle = way * (start + pace * t)
            x, y = [
                (math.cos(angle), math.sin(angle)),
                (math.cos(tilt) * math.sin(angle), math.sin(tilt) * math.sin(angle)),
                (math.sin(angle), math.sin(2 * angle)),
            ][motion]
            window += [size * x + draw.gauss(0, 0.15), size * y + draw.gauss(0, 0.15)]
        lines.append(",".join([*(f"{v:.3f}" for v in window), str(motion)]))
    MOTIONS.write_text("\n".join(lines) + "\n")


def motions_sidecar():
    hidden = 12
    patterns = {
        "g.weight_ih": (72, 7, 23, 16),
        "g.weight_hh": (432, 11, 29, 32),
        "g.bias_ih": (36, 5, 17, 16),
        "g.bias_hh": (36, 3, 13, 16),
        "fc.weight": (36, 7, 19, 16),
        "fc.bias": (3, 2, 3, 4),
    }
    numbers = {name: n.pattern(*pattern) for name, pattern in patterns.items()}
    shown = {
        name: f"{{ step = {step}, modulus = {modulus}, divide = {divide} }}"
        for name, (_, step, modulus, divide) in patterns.items()
    }

    def network(at):
        h = at.wire("h", lambda: gru(rows(at["window"], 2), "g", at, hidden))
        e = at.wire("e", lambda: h[15 * hidden :])
        logits = at.wire("logits", lambda: dense(e, at["fc.weight"], at["fc.bias"]))
        return smooth(logits, int(at["motion"]), "0.05")

    with open(MOTIONS) as file:
        data = list(csv.DictReader(file))
    side = f'origin = "K. Cho et al. 2014, C. Szegedy et al. 2016; {ORIGIN}"\n'
    side += "# sixteen steps, one after the other\n" + n.tolerance(2e-5, 5e-14)
    some = ["logits", "e", "h[0]", "h[100]", "window[0]", "window[31]", "fc.bias", "fc.weight[20]"]
    some += ["g.weight_ih[0]", "g.weight_ih[40]", "g.weight_ih[70]", "g.weight_hh[7]", "g.weight_hh[200]"]
    some += ["g.weight_hh[430]", "g.bias_ih[5]", "g.bias_ih[20]", "g.bias_hh[11]", "g.bias_hh[30]"]
    for row in (0, 1, 2):
        window = [data[row][f"window{k}"] for k in range(32)]
        inputs = {"window": window, "motion": int(data[row]["motion"]), **numbers}
        side += n.judged(network, inputs, ["logits", "e"], some, shown=shown, row=row)
    n.write("motions", None, side)


if __name__ == "__main__":
    losses()
    layers()
    motions()
    motions_sidecar()
