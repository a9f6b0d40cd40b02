"""Writes the models in torch/, as PyTorch exports them, and torch.json: an input and the output that PyTorch computes for each.

Run: python3 make-torch.py   (PyTorch 1.13)
"""
import json
import os
import warnings

import torch
from torch import nn

warnings.filterwarnings('ignore')
HERE = os.path.dirname(os.path.abspath(__file__))
T, N = 4, 3


class Classifier(nn.Module):
    """Tokens, two layers in both directions, and a linear layer over all steps; batch first."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 5)
        self.lstm = nn.LSTM(5, 4, num_layers=2, bidirectional=True, batch_first=True, dropout=0.1)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.lstm(self.embedding(x))[0])


class Last(nn.Module):
    """A linear layer below, a stack of LSTMs, and a linear layer over the h that the top one ends with."""

    def __init__(self, take):
        super().__init__()
        self.below = nn.Linear(3, 5)
        self.lstm = nn.LSTM(5, 4, num_layers=2, batch_first=True)
        self.head = nn.Linear(4, 2)
        self.take = take

    def forward(self, x):
        y, (h, _) = self.lstm(self.below(x))
        return self.head(y[:, -1] if self.take == 'step' else h[-1])


class BothEnds(nn.Module):
    """The h that each direction ends with, side by side."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, bidirectional=True)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        h = self.lstm(x)[1][0]
        return self.head(torch.cat([h[-2], h[-1]], -1))


class States(nn.Module):
    """One layer without biases that takes and returns its state."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, bias=False)

    def forward(self, x, h, c):
        y, (h, c) = self.lstm(x, (h, c))
        return y, h, c


class Cell(nn.Module):
    """One step as single operators; the state is one tensor."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(3, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x, state):
        h, c = self.cell(x, (state[0], state[1]))
        return self.head(h), torch.stack([h, c])


class Gates(nn.Module):
    """One step of TensorFlow's BasicLSTMCell: [x; h] W, split into i, g, f and o, with a forget bias of 1."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(3 + 4, 16) / 2)
        self.bias = nn.Parameter(torch.randn(16) / 2)

    def forward(self, x, h, c):
        i, g, f, o = ((torch.cat([x, h], 1) @ self.kernel) + self.bias).chunk(4, 1)
        c = torch.sigmoid(f + 1.0) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


tokens = torch.randint(0, 7, (N, T))
batch_first = torch.randn(N, T, 3)
steps = torch.randn(T, N, 3)
zeros = lambda *shape: torch.zeros(*shape)
CASES = {
    'classifier': (Classifier(), (tokens,), {0: 'N', 1: 'T'}),
    'last-step': (Last('step'), (batch_first,), {0: 'N', 1: 'T'}),
    'last-state': (Last('state'), (batch_first,), {0: 'N'}),
    'both-ends': (BothEnds(), (steps,), None),
    'states': (States(), (steps, zeros(1, N, 4), zeros(1, N, 4)), {0: 'T', 1: 'N'}),
    'cell': (Cell(), (steps[0], zeros(2, N, 4)), None),
    'gates': (Gates(), (steps[0], zeros(N, 4), zeros(N, 4)), None),
}

torch.manual_seed(1)
results = {}
os.makedirs(os.path.join(HERE, 'torch'), exist_ok=True)
for name, (model, inputs, axes) in CASES.items():
    model.eval()
    names = ['input', 'h', 'c'][: len(inputs)]
    path = os.path.join(HERE, 'torch', name + '.onnx')
    dynamic = {'dynamic_axes': {'input': axes}} if axes else {}
    torch.onnx.export(model, inputs, path, opset_version=13, input_names=names, **dynamic)
    with torch.no_grad():
        output = model(*inputs)
    output = output[0] if isinstance(output, tuple) else output
    flat = lambda t: [float(x) if t.is_floating_point() else int(x) for x in t.flatten()]
    results[name] = {
        'input': {'shape': list(inputs[0].shape), 'data': flat(inputs[0])},
        'output': {'shape': list(output.shape), 'data': flat(output)},
    }
with open(os.path.join(HERE, 'torch.json'), 'w') as file:
    json.dump(results, file)
    file.write('\n')
