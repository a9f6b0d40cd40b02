import torch
from torch import nn
from safetensors.torch import load_file

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 5)
        self.lstm = nn.LSTM(5, 6, num_layers=2)
        self.lstm_2 = nn.LSTM(6, 5, bias=False)
        self.head = nn.Linear(5, 11)

    def forward(self, x, state=[None] * 2):  # x: [T, N] tokens or [T, N, width] values
        new = []
        x = self.embedding(x)
        x, s = self.lstm(x, state[0])
        new.append(s)
        x, s = self.lstm_2(x, state[1])
        new.append(s)
        x = s[0][-1].unsqueeze(0)
        x = x.expand(3, -1, -1)
        x = self.head(x)
        return x, new

model = Model()
model.load_state_dict(load_file("tokens.pytorch.safetensors"))
