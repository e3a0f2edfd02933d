"""Writes the circuits train-*, one for each optimiser and for what stands
around it, and what their params must be after some samples.

One small model for all: p = s^2 * sum(tanh(W x + b)), mse against y; s is read
by a scalar gate, so it lies among the pairs of the arena, W and b by a dense
gate. The gradient of each sample is found as figures.py tells; the steps are
written here from the papers, in high precision and without a look at the code.

Run: python training.py   (needs mpmath)
"""

from mpmath import mp, mpf

import figures as n

ORIGIN = "mpmath at 110 digits, gradients by central difference, steps from the papers (make/training.py)"
NAMES = {"s": 1, "a.weight": 4, "a.bias": 2}
START = {"s": 0.75, "a.weight": [0.5, -0.25, 0.125, 0.75], "a.bias": [0.25, -0.5]}
SAMPLES = [
    ([1, -0.5], 0.5), ([-0.25, 2], -1), ([0.5, 0.5], 1), ([-1.5, 0.25], -0.75), ([0.75, -1], 2),
    ([2, 1], -0.5), ([-0.5, -0.5], 0.25), ([0.25, 1.5], 1.5),
]


def loss(at):
    rows = [at["a.weight"][:2], at["a.weight"][2:]]
    hidden = [mp.tanh(sum(w * x for w, x in zip(row, at["x"])) + b) for row, b in zip(rows, at["a.bias"])]
    return (mpf(at["s"]) ** 2 * sum(hidden) - at["y"]) ** 2


def gradient(params, sample):
    point = {**params, "x": [mpf(v) for v in sample[0]], "y": mpf(sample[1])}
    return [g for name in NAMES for g in n.flat(n.gradient(loss, point, name))]


def packed(numbers):
    return {"s": numbers[0], "a.weight": numbers[1:5], "a.bias": numbers[5:7]}


class Memory:
    """What an optimiser keeps for each number."""

    def __init__(self):
        self.first, self.second, self.t = [mpf(0)] * 7, [mpf(0)] * 7, 0


def sgd():
    return lambda memory, g, lr: [lr * d for d in g]


def momentum(beta=mpf("0.9")):
    def move(memory, g, lr):
        memory.first = [beta * m + d for m, d in zip(memory.first, g)]
        return [lr * m for m in memory.first]
    return move


def nesterov(beta=mpf("0.9")):
    def move(memory, g, lr):
        memory.first = [beta * m + d for m, d in zip(memory.first, g)]
        return [lr * (d + beta * m) for m, d in zip(memory.first, g)]
    return move


def adam(beta1=mpf("0.9"), beta2=mpf("0.999"), eps=mpf("1e-8")):
    """Kingma and Ba (2015), algorithm 1, line by line."""
    def move(memory, g, lr):
        memory.t += 1
        memory.first = [beta1 * m + (1 - beta1) * d for m, d in zip(memory.first, g)]
        memory.second = [beta2 * v + (1 - beta2) * d * d for v, d in zip(memory.second, g)]
        hat = [m / (1 - beta1 ** memory.t) for m in memory.first]
        square = [v / (1 - beta2 ** memory.t) for v in memory.second]
        return [lr * m / (mp.sqrt(v) + eps) for m, v in zip(hat, square)]
    return move


def rmsprop(alpha=mpf("0.99"), eps=mpf("1e-8")):
    def move(memory, g, lr):
        memory.second = [alpha * v + (1 - alpha) * d * d for v, d in zip(memory.second, g)]
        return [lr * d / (mp.sqrt(v) + eps) for v, d in zip(memory.second, g)]
    return move


def train(move, lr, batch=1, clip=None, decay=0, decoupled=0):
    """The params after all samples; `lr` is a number or tells it for a step from 0."""
    params = [mpf(v) for name in NAMES for v in n.flat(START[name])]
    memory, step = Memory(), 0
    for start in range(0, len(SAMPLES), batch):
        samples = SAMPLES[start:start + batch]
        each = [gradient(packed(params), sample) for sample in samples]
        # An objective of -loss that is raised is a loss that is lowered.
        g = [sum(column) / len(samples) for column in zip(*each)]
        if clip:
            g = clip(g)
        g = [d + decay * w for d, w in zip(g, params)]
        rate = lr(step) if callable(lr) else lr
        by = move(memory, g, rate)
        params = [w - rate * decoupled * w - d for w, d in zip(params, by)]
        step += 1
    return packed(params)


def by_norm(limit):
    def clip(g):
        norm = mp.sqrt(sum(d * d for d in g))
        return [d * limit / norm for d in g] if norm > limit else g
    return clip


def by_value(limit):
    return lambda g: [min(max(d, -limit), limit) for d in g]


def cosine(lr, steps, floor):
    return lambda t: lr * (floor + (1 - floor) * (1 + mp.cos(mp.pi * min(t, steps) / steps)) / 2)


def warm(lr, steps, then):
    return lambda t: lr * (t + 1) / steps if t < steps else then(t - steps)


def write(name, about, settings, params, raise_it=False, tolerance=(4e-6, 2e-14)):
    objective = "maximize -mse(p, y)" if raise_it else "minimize mse(p, y)"
    circuit = f"""# {about}
param s = 0.75
t = s * s
input x[2]
label y
layer a = dense(2)
p = t * sum(tanh(a(x)))
{objective}

train {{
""" + "".join(f"  {key:12} = {value}\n" for key, value in settings.items()) + "}\n"
    side = f'origin = "{ORIGIN}"\n# rounded in each step; powers near 1 are taken from 1\n' + n.tolerance(*tolerance)
    side += "\n[[case]]\n" + n.table("inputs", {**START, "x": SAMPLES[0][0], "y": SAMPLES[0][1]})
    side += "samples = [\n"
    side += "".join(f"  {{ x = {n.entry(x)}, y = {n.entry(y)} }},\n" for x, y in SAMPLES) + "]\n"
    side += n.table("params", params)
    n.write(f"train-{name}", circuit, side)


def main():
    m = mpf
    write("sgd-batch", "Plain steps on batches of three; the last has two samples and is their mean.",
          {"optimizer": "sgd(0.25)", "batch": 3}, train(sgd(), m("0.25"), 3))
    write("momentum", "Momentum, one sample a step.",
          {"optimizer": "momentum(0.05)"}, train(momentum(), m("0.05")))
    write("nesterov", "Nesterov's gradient on batches of two.",
          {"optimizer": "nesterov(lr = 0.05, beta = 0.75)", "batch": 2}, train(nesterov(m("0.75")), m("0.05"), 2))
    write("adam", "Adam as it is by default, on batches of two.",
          {"optimizer": "adam(0.05)", "batch": 2}, train(adam(), m("0.05"), 2))
    write("adam-raise", "Adam uphill: the negative of the loss is raised.",
          {"optimizer": "adam(0.05, 0.8, 0.95, eps = 0.001)"},
          train(adam(m("0.8"), m("0.95"), m("0.001")), m("0.05")), raise_it=True)
    write("adamw", "AdamW: the weights shrink beside Adam's step.",
          {"optimizer": "adamw(0.05, weight_decay = 0.5)", "batch": 2},
          train(adam(), m("0.05"), 2, decoupled=m("0.5")))
    write("rmsprop", "RMSProp on batches of three.",
          {"optimizer": "rmsprop(0.02, alpha = 0.9)", "batch": 3}, train(rmsprop(m("0.9")), m("0.02"), 3))
    write("clip-norm", "All gradients together kept to a norm, which some batches reach.",
          {"optimizer": "sgd(0.25)", "batch": 2, "clip": "norm(0.75)"},
          train(sgd(), m("0.25"), 2, clip=by_norm(m("0.75"))))
    write("clip-value", "Each gradient kept to a size, then momentum.",
          {"optimizer": "momentum(0.1)", "clip": "value(0.5)"},
          train(momentum(), m("0.1"), clip=by_value(m("0.5"))))
    write("decay", "Weight decay as a part of the gradient.",
          {"optimizer": "sgd(0.125)", "weight_decay": 0.25}, train(sgd(), m("0.125"), decay=m("0.25")))
    write("schedule-step", "A rate halved every three steps, fused with backward.",
          {"optimizer": "sgd(0.25)", "schedule": "step(every = 3, factor = 0.5)"},
          train(sgd(), lambda t: m("0.25") * m("0.5") ** (t // 3)))
    write("schedule-cosine", "Three steps of warm-up, then half a cosine down to a tenth of the rate.",
          {"optimizer": "adam(0.1)", "schedule": "cosine(steps = 4, floor = 0.1)", "warmup": 3},
          train(adam(), warm(m("0.1"), 3, cosine(m("0.1"), 4, m("0.1")))))


if __name__ == "__main__":
    main()
