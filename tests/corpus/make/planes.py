"""Writes the circuits and sidecars of gates over planes (planes-*, arrange-*,
reduce-max), and the sidecar of digits-cnn. See figures.py for how.

A convolution is computed by its definition on planes with a margin of zeros
around them, one output at a time; a pool takes a list of what it sees.

Run: python planes.py   (needs mpmath)
"""

from mpmath import mp, mpf

import figures as n
from networks import read, weights as patterned
from tensors import dense, dot, softmax

ORIGIN = "mpmath at 110 digits, gradients by central difference (make/planes.py)"
CASES = []


def circuit(name, text, function, cases, values=("f",), gradients=(), tolerance=(2e-6, 8e-15), shown=None):
    CASES.append((name, text.lstrip("\n"), function, cases, values, gradients, tolerance, shown))


def plane(flat, c, height, width, margin):
    """Plane c as rows, a margin of None around it; no margin above where the height is 1."""
    above = margin if height > 1 else 0
    rows = [list(flat[(c * height + y) * width:(c * height + y + 1) * width]) for y in range(height)]
    rows = [[None] * margin + row + [None] * margin for row in rows]
    blank = [[None] * (width + 2 * margin)]
    return blank * above + rows + blank * above


def windows(rows, tall, wide, stride):
    """What is seen at each position, row by row: lists of elements, None in the margin."""
    down = stride if len(rows) > 1 else 1
    for top in range(0, len(rows) - tall + 1, down):
        for left in range(0, len(rows[0]) - wide + 1, stride):
            yield [rows[top + y][left + x] for y in range(tall) for x in range(wide)]


def conv(x, shape, weight, outputs, kernel, bias=None, stride=1, padding=0, groups=1):
    """x of `shape` [in, height, width] with weights [out, in / groups, tall, wide], flat."""
    inputs, height, width = shape
    (tall, wide), share = kernel, inputs // groups
    seen = [list(windows(plane(x, c, height, width, padding), tall, wide, stride)) for c in range(inputs)]
    out = []
    for o in range(outputs):
        group = o // (outputs // groups)
        for p in range(len(seen[0])):
            total = bias[o] if bias else mpf(0)
            for c in range(share):
                taps = weight[(o * share + c) * tall * wide:(o * share + c + 1) * tall * wide]
                total += sum(w * v for w, v in zip(taps, seen[group * share + c][p]) if v is not None)
            out.append(total)
    return out


def pool(x, shape, size, of, stride=None, padding=0):
    channels, height, width = shape
    tall = size if height > 1 else 1
    return [of([v for v in seen if v is not None], tall * size)
            for c in range(channels)
            for seen in windows(plane(x, c, height, width, padding), tall, size, stride or size)]


def greatest(seen, _):
    return max(seen)


def average(seen, area):
    return sum(seen) / area


def numbers(count, step, modulus, divide):
    return n.pattern(count, step, modulus, divide)


def convolution(name, remark, layer, shape, outputs, kernel, bias=True, **how):
    """A layer alone, its outputs weighed by their place so that none is like another."""
    height = f"{shape[1]}, " if shape[1] > 1 else ""
    def function(at):
        z = at.wire("z", lambda: conv(at["x"], shape, at["c.weight"], outputs, kernel, at.get("c.bias"), **how))
        return dot(z, at["k"])
    count = outputs * shape[0] // how.get("groups", 1) * kernel[0] * kernel[1]
    inputs = {"x": numbers(shape[0] * shape[1] * shape[2], 7, 13, 4), "c.weight": numbers(count, 5, 17, 8)}
    if bias:
        inputs["c.bias"] = numbers(outputs, 3, 7, 2)
    positions = len(conv(inputs["x"], shape, inputs["c.weight"], outputs, kernel, **how)) // outputs
    inputs["k"] = numbers(outputs * positions, 11, 19, 8)
    circuit(name, f"""
# {remark}
input x[{shape[0]}, {height}{shape[2]}]
input k[{outputs * positions}]
layer c = {layer}
z = c(x)
f = dot(flatten(z), k)
maximize f
""", function, [inputs], values=("z", "f"), gradients=[name for name in inputs if name != "k"] + ["z"])


convolution("planes-conv2d", "A 3 × 3 kernel with a margin of zeros, outputs as large as inputs.",
            "conv2d(3, 3, padding = 1)", (2, 4, 3), 3, (3, 3), padding=1)
convolution("planes-conv2d-stride", "A kernel that moves by two and leaves the last row and column out.",
            "conv2d(2, 2, stride = 2, bias = false)", (2, 5, 5), 2, (2, 2), bias=False, stride=2)
convolution("planes-conv2d-wide", "Enough outputs for every size of block: 8 + 4 + 1.",
            "conv2d(13, 1)", (3, 2, 2), 13, (1, 1))
convolution("planes-conv2d-margin", "A margin wider than the kernel: some outputs see nothing.",
            "conv2d(1, 1, stride = 2, padding = 2)", (1, 2, 3), 1, (1, 1), stride=2, padding=2)
convolution("planes-conv2d-groups", "Two groups: each half of the outputs sees one half of the inputs.",
            "conv2d(6, 2, groups = 2)", (4, 3, 3), 6, (2, 2), groups=2)
convolution("planes-conv2d-depthwise", "As many groups as inputs: a kernel for each plane.",
            "conv2d(3, 3, padding = 1, groups = 3)", (3, 3, 3), 3, (3, 3), padding=1, groups=3)
convolution("planes-conv1d", "Over a length, by two, with a margin.",
            "conv1d(3, 3, stride = 2, padding = 1)", (2, 1, 8), 3, (1, 3), stride=2, padding=1)

circuit("planes-conv2d-call", """
# A call takes the weights as the core keeps them, [in / groups, height, width, out]; these are 1 × 2.
input x[2, 2, 3]
param w[2, 1, 2, 2]
param b[2]
z = conv2d(x, w, b, padding = 0)
f = sum(z * z)
maximize f
""", lambda at: dot(*[at.wire("z", lambda: conv(
        at["x"], (2, 2, 3), [at["w"][(c * 2 + k) * 2 + o] for o in range(2) for c in range(2) for k in range(2)],
        2, (1, 2), at["b"]))] * 2),
    [{"x": numbers(12, 5, 11, 4), "w": numbers(8, 3, 13, 4), "b": [0.5, -1]}],
    values=("z", "f"), gradients=["x", "w", "b", "z"])


def twice(at):
    a = at.wire("a", lambda: [mp.tanh(v) for v in conv(at["x"], (1, 4, 4), at["c.weight"], 1, (2, 2), at["c.bias"])])
    b = at.wire("b", lambda: [mp.tanh(v) for v in conv(a, (1, 3, 3), at["c.weight"], 1, (2, 2), at["c.bias"])])
    return sum(b)


circuit("planes-conv2d-twice", """
# One layer over planes of two sizes: its weights get the sum of both gradients.
input x[1, 4, 4]
layer c = conv2d(1, 2)
a = tanh(c(x))
b = tanh(c(a))
f = sum(b)
maximize f
""", twice, [{"x": numbers(16, 7, 13, 8), "c.weight": [0.5, -0.25, 0.75, 1], "c.bias": [0.125]}],
    values=("a", "b", "f"), gradients=["x", "a", "b", "c.weight", "c.bias"], tolerance=(2e-6, 8e-15))


def pooled(name, remark, call, shape, size, of, **how):
    height = f"{shape[1]}, " if shape[1] > 1 else ""
    x = numbers(shape[0] * shape[1] * shape[2], 17, 53, 8)
    count = len(pool(x, shape, size, of, **how))
    circuit(name, f"""
# {remark}
input x[{shape[0]}, {height}{shape[2]}]
input k[{count}]
z = {call}
f = dot(flatten(z), k)
maximize f
""", lambda at: dot(at.wire("z", lambda: pool(at["x"], shape, size, of, **how)), at["k"]),
            [{"x": x, "k": numbers(count, 11, 19, 8)}], values=("z", "f"), gradients=["x", "z"])


pooled("planes-max_pool", "Windows side by side; the last row belongs to none.", "max_pool(x, 2)", (2, 5, 4), 2, greatest)
pooled("planes-max_pool-overlap", "Windows that overlap and reach over the edge.",
       "max_pool(x, 3, stride = 2, padding = 1)", (1, 5, 6), 3, greatest, stride=2, padding=1)
pooled("planes-max_pool-length", "Over a length.", "max_pool(x, 3, stride = 1)", (2, 1, 6), 3, greatest, stride=1)
pooled("planes-avg_pool", "Windows side by side.", "avg_pool(x, 2)", (2, 4, 4), 2, average)
pooled("planes-avg_pool-overlap", "Zeros beyond the edge count.",
       "avg_pool(x, 3, stride = 2, padding = 1)", (1, 5, 6), 3, average, stride=2, padding=1)
pooled("planes-avg_pool-length", "Over a length.", "avg_pool(x, 2, stride = 3)", (2, 1, 8), 2, average, stride=3)

circuit("planes-global_avg", """
# The mean of each plane, and of each row of a length.
input x[3, 2, 2]
input y[2, 5]
a = global_avg(x)
b = global_avg(y)
f = dot(a, a) + b[0] * b[1]
maximize f
""", lambda at: sum(a * a for a in at.wire("a", lambda: [sum(at["x"][k:k + 4]) / 4 for k in (0, 4, 8)]))
    + mp.fprod(at.wire("b", lambda: [sum(at["y"][k:k + 5]) / 5 for k in (0, 5)])),
    [{"x": numbers(12, 5, 11, 4), "y": numbers(10, 3, 13, 4)}], values=("a", "b", "f"), gradients=["x", "y", "a", "b"])

circuit("arrange-reshape", """
# The same elements in other shapes; a reshape may lie where its operand does.
input x[6]
param w[3, 2] = [[1, 2], [3, 4], [5, 6]]
m = reshape(x, 2, 3)
a = reshape(w, 2, 3)
b = tanh(flatten(m * a))
f = reshape(sum(b) * reshape(x[0..1]))
maximize f
""", lambda at: sum(at.wire("b", lambda: [mp.tanh(x * w) for x, w in zip(at["x"], at["w"])])) * at["x"][0],
    [{"x": [0.5, -1, 2, 0.25, -0.125, 3], "w": [1, 0.5, 0.25, -1, 2, -0.5]}],
    values=("b", "f"), gradients=["x", "w", "b"])


def joined(at):
    a = at.wire("a", lambda: list(at["x"]) + list(at["y"]) + list(at["x"]))
    b = at.wire("b", lambda: [at["s"], *at["v"], at["s"] * 2])
    return dot(a[:6], a[4:10]) + dot(b, b)


circuit("arrange-concat", """
# Rows behind rows, one of them twice; a scalar is a row of a vector.
input x[2, 2]
input y[1, 2]
input s
input v[2]
a = concat(x, y, x)
b = concat(s, v, s * 2)
f = dot(flatten(a[0..3]), flatten(a[2..5])) + dot(b, b)
maximize f
""", joined, [{"x": [1, -2, 0.5, 3], "y": [0.25, -1], "s": 1.5, "v": [2, -0.75]}],
    values=("a", "b", "f"), gradients=["x", "y", "s", "v", "a", "b"])

circuit("reduce-max", """
# The greatest of all elements of a matrix; it alone moves.
input x[2, 3]
m = max(x)
f = m * m + x[0, 0]
maximize f
""", lambda at: at.wire("m", lambda: max(at["x"])) ** 2 + at["x"][0],
    [{"x": [1, -2, 0.5, 3, 2.75, -1]}, {"x": [-1, -2, -3, -4, -5, -0.5]}], values=("m", "f"), gradients=["x", "m"])


def network(at):
    z = conv(at["x"], (1, 6, 6), at["c.weight"], 5, (3, 3), at["c.bias"], padding=1)
    h = at.wire("h", lambda: pool([max(mpf(0), v) for v in z], (5, 6, 6), 2, greatest))
    d = at.wire("d", lambda: conv(h, (5, 3, 3), at["d.weight"], 5, (3, 3), None, padding=1, groups=5))
    g = at.wire("g", lambda: [sum(d[k:k + 9]) / 9 for k in range(0, 45, 9)])
    logits = at.wire("logits", lambda: dense(g, at["fc.weight"], at["fc.bias"]))
    return -mp.log(softmax(logits)[int(at["y"])])


circuit("planes-network", """
# What networks on images are made of: a convolution, a pool, a depthwise convolution, a mean of each plane.
input x[36]
label y : class(3)
layer c  = conv2d(5, 3, padding = 1)
layer d  = conv2d(5, 3, padding = 1, groups = 5, bias = false)
layer fc = dense(3)
h = max_pool(relu(c(reshape(x, 1, 6, 6))), 2)
g = global_avg(d(h))
logits = fc(g)
minimize cross_entropy(logits, y)
""", network,
    [{"x": numbers(36, 13, 37, 16), "y": 1, "c.weight": numbers(45, 29, 83, 64), "c.bias": numbers(5, 3, 17, 16),
      "d.weight": numbers(45, 7, 23, 16), "fc.weight": numbers(15, 7, 11, 8), "fc.bias": numbers(3, 1, 5, 4)}],
    values=("h", "g", "logits"), gradients=["x", "c.weight", "c.bias", "h", "d.weight", "g", "fc.weight", "logits"],
    tolerance=(1e-5, 4e-14))


def digits_cnn():
    """Two rows of the digits, weights by a pattern; only some of the gradients.

    No bias is 0 and no pixel that is told lies in a blank corner, where windows tie:
    a central difference knows neither the kink's convention nor the first winner.
    """
    sizes = [("c1.weight", 72), ("c1.bias", 8), ("fc.weight", 1280), ("fc.bias", 10)]
    weights, shown = patterned(sizes, [(37, 101, 128), (3, 17, 64), (29, 83, 256), (3, 11, 32)])

    def network(at):
        z = conv([v / 16 for v in at["image"]], (1, 8, 8), at["c1.weight"], 8, (3, 3), at["c1.bias"], padding=1)
        h = at.wire("h", lambda: pool([max(mpf(0), v) for v in z], (8, 8, 8), 2, greatest))
        logits = at.wire("logits", lambda: dense(h, at["fc.weight"], at["fc.bias"]))
        return -mp.log(softmax(logits)[int(at["digit"])])

    rows = read("digits.csv")
    side = f'origin = "{ORIGIN}"\n# sums of up to 128 products of either sign, twice\n' + n.tolerance(2e-5, 5e-14)
    some = ["logits", "h[0]", "h[77]", "fc.bias", "fc.weight[40]", "fc.weight[700]", "c1.bias", "c1.weight[0]",
            "c1.weight[31]", "c1.weight[71]", "image[20]", "image[27]"]
    for row in (0, 1000):
        image = [int(rows[row][f"p{k}"]) for k in range(64)]
        inputs = {"image": image, "digit": int(rows[row]["digit"]), **weights}
        side += n.judged(network, inputs, ["h[0]", "h[77]", "logits"], some, shown=shown, row=row)
    n.write("digits-cnn", None, side)


def main():
    digits_cnn()
    for name, text, function, cases, values, gradients, tolerance, shown in CASES:
        side = f'origin = "{ORIGIN}"\n' + n.tolerance(*tolerance)
        for inputs in cases:
            side += n.judged(function, inputs, values, gradients, shown=shown)
        n.write(name, text, side)


if __name__ == "__main__":
    main()
