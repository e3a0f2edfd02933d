"""Writes the sidecars of the networks (digits, xor, moons, watch, pendulum), the circuits
scalar1000, scalar1000-smooth and chain-3000 with theirs, and the data of xor,
moons and pendulum. See figures.py for how.

Weights are set by a pattern that needs no list: element k of a wire (in the
order of the file, [out, in]) is ((k * step) mod modulus - (modulus - 1) / 2) /
divide, which is exact in f32.

Run: python networks.py   (needs mpmath)
"""

import csv
import math
import random

from mpmath import mp, mpf

import figures as n
from gates import sigmoid
from tensors import dense, mean, softmax

ORIGIN = "mpmath at 110 digits, gradients by central difference (make/networks.py)"
DATA = n.CORPUS.parent / "data"


def weights(sizes, patterns):
    """(numbers, what the sidecar shows) for wires of these sizes."""
    numbers, shown = {}, {}
    for (name, count), (step, modulus, divide) in zip(sizes, patterns):
        numbers[name] = n.pattern(count, step, modulus, divide)
        shown[name] = f"{{ step = {step}, modulus = {modulus}, divide = {divide} }}"
    return numbers, shown


def read(name):
    with open(DATA / name) as file:
        return list(csv.DictReader(file))


def digits():
    sizes = [("fc1.weight", 32 * 64), ("fc1.bias", 32), ("fc2.weight", 320), ("fc2.bias", 10)]
    numbers, shown = weights(sizes, [(37, 101, 256), (5, 17, 64), (29, 83, 128), (3, 11, 32)])

    def network(at):
        image = [v / 16 for v in at["image"]]
        h = at.wire("h", lambda: [max(mpf(0), v) for v in dense(image, at["fc1.weight"], at["fc1.bias"])])
        logits = at.wire("logits", lambda: dense(h, at["fc2.weight"], at["fc2.bias"]))
        return -mp.log(softmax(logits)[int(at["digit"])])

    # The objective of the file has no name, so only named wires are told.
    rows = read("digits.csv")
    side = f'origin = "{ORIGIN}"\n# sums of up to 64 products of either sign, twice\n' + n.tolerance(2e-5, 5e-14)
    some = ["logits", "h[0]", "h[5]", "fc2.bias", "fc2.weight[40]", "fc2.weight[161]", "fc1.bias[3]", "fc1.bias[20]",
            "fc1.weight[330]", "fc1.weight[1300]", "image[20]", "image[0]"]
    for row in (0, 1000):
        image = [int(rows[row][f"p{k}"]) for k in range(64)]
        inputs = {"image": image, "digit": int(rows[row]["digit"]), **numbers}
        side += n.judged(network, inputs, ["h[0]", "h[5]", "logits"], some, shown=shown, row=row)
    n.write("digits", None, side)


def two_inputs(name, hidden, layers, last, patterns, tolerance):
    """A network of two inputs and one output by mse: `hidden` between layers."""

    def network(at):
        wires = at["x"]
        for k, layer in enumerate(layers):
            act = last if k + 1 == len(layers) else hidden
            def made(wires=wires, layer=layer, act=act):
                return [act(v) for v in dense(wires, at[f"{layer[0]}.weight"], at[f"{layer[0]}.bias"])]
            wires = at.wire(layer[2], made)
        return mean([(p - t) ** 2 for p, t in zip(wires, at["y"])])

    sizes, before = [], 2
    for layer, count, _ in layers:
        sizes += [(f"{layer}.weight", before * count), (f"{layer}.bias", count)]
        before = count
    numbers, shown = weights(sizes, patterns)
    side = f'origin = "{ORIGIN}"\n' + n.tolerance(*tolerance)
    for row in (1, 2):
        line = read(f"{name}.csv")[row]
        inputs = {"x": [line["x0"], line["x1"]], "y": [line["y0"]], **numbers}
        values = [wire for _, count, wire in layers if count < 8]
        gradients = [size[0] if size[1] <= 16 else f"{size[0]}[{size[1] // 3}]" for size in sizes]
        side += n.judged(network, inputs, values, [*values, *gradients, "x"], shown=shown, row=row)
    n.write(name, None, side)


def watch():
    sizes = [("motion.mean", 12), ("motion.deviation", 12), ("fc1.weight", 192), ("fc1.bias", 16), ("fc2.weight", 112), ("fc2.bias", 7)]
    # No element of the deviation is 0.
    numbers, shown = weights(sizes, [(3, 7, 8), (5, 29, 16), (37, 101, 256), (5, 17, 64), (29, 83, 128), (3, 11, 32)])
    rows = read("watch.csv")
    features = [name for name in rows[0] if name not in ("subject", "exercise")]

    def network(at):
        motion = at.wire("motion.normalized", lambda: [(v - m) / d for v, m, d in zip(at["motion"], at["motion.mean"], at["motion.deviation"])])
        h = at.wire("h", lambda: [max(mpf(0), v) for v in dense(motion, at["fc1.weight"], at["fc1.bias"])])
        logits = at.wire("logits", lambda: dense(h, at["fc2.weight"], at["fc2.bias"]))
        return -mp.log(softmax(logits)[int(at["exercise"])])

    side = f'origin = "{ORIGIN}"\n# sums of up to 16 products of either sign, twice\n' + n.tolerance(2e-5, 5e-14)
    some = ["logits", "h[1]", "fc2.bias", "fc2.weight[40]", "fc1.bias[3]", "fc1.weight[100]", "motion.normalized", "motion", "motion.deviation"]
    for row in (0, 1500):
        inputs = {"motion": [rows[row][name] for name in features], "exercise": int(rows[row]["exercise"]), **numbers}
        side += n.judged(network, inputs, ["motion.normalized", "h", "logits"], some, shown=shown, row=row)
    n.write("watch", None, side)


def pendulum():
    sizes = [("x.mean", 2), ("x.deviation", 2), ("fc1.weight", 16), ("fc1.bias", 8), ("fc2.weight", 8), ("fc2.bias", 1)]
    numbers, shown = weights(sizes, [(3, 7, 8), (5, 29, 16), (37, 101, 64), (5, 17, 64), (29, 83, 64), (1, 3, 8)])
    rows = read("pendulum.csv")

    def network(at):
        x = at.wire("x.normalized", lambda: [(v - m) / d for v, m, d in zip(at["x"], at["x.mean"], at["x.deviation"])])
        h = at.wire("h", lambda: [mp.tanh(v) for v in dense(x, at["fc1.weight"], at["fc1.bias"])])
        told = at.wire("told", lambda: dense(h, at["fc2.weight"], at["fc2.bias"])[0])
        return (told - at["period"]) ** 2

    side = f'origin = "{ORIGIN}"\n# tanh twice, and 1 - t^2 of what comes near 1\n' + n.tolerance(2e-5, 5e-14, 1)
    some = ["told", "h", "fc2.bias", "fc2.weight", "fc1.bias", "fc1.weight", "x", "x.mean"]
    for row in (0, 123):
        inputs = {"x": [rows[row]["length"], rows[row]["angle"]], "period": rows[row]["period"], **numbers}
        side += n.judged(network, inputs, ["x.normalized", "h", "told"], some, shown=shown, row=row)
    n.write("pendulum", None, side)


def data():
    # A pendulum's period by its length (m) and the angle it is let go at (rad): the first terms of
    # the series, T = 2 pi sqrt(l / g) (1 + a^2/16 + 11 a^4/3072), measured with a noise of 0.01 s.
    numbers = random.Random(2)
    lines = ["length,angle,period"]
    for _ in range(400):
        length, angle = numbers.uniform(0.2, 2), numbers.uniform(0, 2)
        period = 2 * math.pi * math.sqrt(length / 9.81) * (1 + angle**2 / 16 + 11 * angle**4 / 3072)
        lines.append(f"{length:.4f},{angle:.4f},{period + numbers.gauss(0, 0.01):.4f}")
    (DATA / "pendulum.csv").write_text("\n".join(lines) + "\n")
    (DATA / "xor.csv").write_text("x0,x1,y0\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n")
    # Two half circles that grip into each other, with Gaussian noise of 0.1.
    numbers = random.Random(1)
    lines = ["x0,x1,y0"]
    for k in range(200):
        angle = math.pi * (k // 2) / 99
        x, y = (math.cos(angle), math.sin(angle)) if k % 2 == 0 else (1 - math.cos(angle), 0.5 - math.sin(angle))
        x, y = x + numbers.gauss(0, 0.1), y + numbers.gauss(0, 0.1)
        lines.append(f"{x:.5f},{y:.5f},{-1 if k % 2 == 0 else 1}")
    (DATA / "moons.csv").write_text("\n".join(lines) + "\n")


def scalar(name, seed, smooth):
    """1,000 random gates on 16 params: add, mul, max (and tanh, exp), with
    fan-out. A gate is drawn again when its value leaves 1/8 .. 4 in size, or a
    max is nearly a tie; towards the end, wires that nothing read are gathered."""
    draw = random.Random(seed)
    params = {f"p{k}": mpf(draw.randrange(-24, 25) or 1) / 16 for k in range(16)}
    names, lines, values, program = list(params), [], [float(v) for v in params.values()], []
    unread = list(range(16))
    while len(program) < 1000:
        # An unread wire more often than not, so that all are read in the end.
        closing = len(unread) + 1 >= 1000 - len(program)
        a = draw.choice(unread) if closing or draw.random() < 0.6 else draw.randrange(len(names))
        b = draw.choice(unread) if len(unread) > (1 if closing else 24) else draw.randrange(len(names))
        kind = draw.choice(["add"] if closing else ["add", "mul", "max", "tanh", "exp"] if smooth else ["add", "mul", "max"])
        x, y = values[a], values[b]
        value = {"add": x + y, "mul": x * y, "max": max(x, y), "tanh": math.tanh(x), "exp": math.exp(min(x, 9))}[kind]
        low, high = (1 / 1000, 1000) if closing else (1 / 8, 4)
        if a == b or not low < abs(value) < high or (kind == "max" and abs(x - y) < 0.01):
            continue
        own = f"g{len(program)}"
        lines.append(f"{own} = " + {"add": f"{names[a]} + {names[b]}", "mul": f"{names[a]} * {names[b]}",
                                    "max": f"max({names[a]}, {names[b]})", "tanh": f"tanh({names[a]})", "exp": f"exp({names[a]})"}[kind])
        program.append((kind, names[a], names[b]))
        for read_wire in {a, b} if kind in ("add", "mul", "max") else {a}:
            if read_wire in unread:
                unread.remove(read_wire)
        unread.append(len(names))
        names.append(own)
        values.append(value)
    assert unread == [len(names) - 1], len(unread)

    def run(at):
        wires = dict(at)
        for k, (kind, a, b) in enumerate(program):
            own = f"g{k}"
            if own not in wires:
                x, y = wires[a], wires[b]
                wires[own] = x + y if kind == "add" else x * y if kind == "mul" else max(x, y) if kind == "max" else mp.tanh(x) if kind == "tanh" else mp.exp(x)
            at.seen[own] = wires[own]
        return wires["g999"]

    said = "add, mul, max, tanh, exp" if smooth else "add, mul, max"
    circuit = f"# 1,000 random gates ({said}) on 16 params, with fan-out (make/networks.py, seed {seed}).\n"
    circuit += "".join(f"param {k} = {n.number(v)}\n" for k, v in params.items()) + "\n".join(lines) + "\nmaximize g999\n"
    side = f'origin = "{ORIGIN}"\n# a thousand roundings, of sums of either sign\n' + n.tolerance(2e-4, 5e-13)
    wanted = [f"g{k}" for k in (0, 99, 500, 900, 999)]
    found = n.evaluated(run, params, wanted, [*params, *wanted])
    biggest = max(abs(v) for v in found[1].values())
    print(name, "objective", mp.nstr(found[0]["g999"], 6), "largest gradient", mp.nstr(biggest, 6), "smallest", mp.nstr(min(abs(v) for v in found[1].values()), 6))
    n.write(name, circuit, side + n.case({}, *found, judge=""))


def chain():
    """s1 = x + x, then 2,999 gates that each add x again: f = 3,001 x."""
    text = "# A chain of 3,000 gates, all of which read x: walks must not recurse (make/networks.py).\ninput x\ns1 = x + x\n"
    text += "".join(f"s{k} = s{k - 1} + x\n" for k in range(2, 3001)) + "maximize s3000\n"
    side = 'origin = "by hand: s3000 = 3001 x, and so the traps of S. Choudhary 2017\'s note"\nexact = true\n'
    for x in (1, -0.5):
        side += n.case({"x": x}, {"s1": 2 * x, "s1500": 1501 * x, "s3000": 3001 * x},
                       {"s3000": 1, "s1500": 1, "s1": 1, "x": 3001}, judge="")
    n.write("chain-3000", text, side)


def main():
    data()
    chain()
    scalar("scalar1000", 9, smooth=False)
    scalar("scalar1000-smooth", 8, smooth=True)
    two_inputs("xor", sigmoid, [("hidden", 3, "h"), ("out", 1, "p")], sigmoid,
               [(5, 11, 4), (3, 7, 8), (2, 5, 2), (1, 3, 8)], (2e-6, 1e-14))
    two_inputs("moons", mp.tanh, [("fc1", 16, "h1"), ("fc2", 16, "h2"), ("fc3", 1, "p")], lambda v: v,
               [(37, 61, 32), (5, 17, 64), (29, 83, 128), (3, 11, 32), (7, 19, 16), (1, 3, 8)], (2e-5, 5e-14))
    digits()
    watch()
    pendulum()


if __name__ == "__main__":
    main()
