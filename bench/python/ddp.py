"""One process of PyTorch's DistributedDataParallel with gloo: a training step of one workload on its share of the rows.

  MASTER_ADDR=127.0.0.1 MASTER_PORT=N RANK=0 WORLD_SIZE=2 python3 ddp.py '{"workload": {...}, "adam": {...}, "threads": 1, "data": "FILE"}'
A line with a number of steps on stdin runs them; the answer on file descriptor 3 has their mean time and the last loss.
"""
import json
import os
import sys
import time

from worker import Model, nn, send, task, torch, train_step
from safetensors_file import read_safetensors


def main():
    ranks, rank = int(os.environ["WORLD_SIZE"]), int(os.environ["RANK"])
    data = read_safetensors(task["data"])
    model = Model(data)
    if ranks > 1:
        torch.distributed.init_process_group("gloo", rank=rank, world_size=ranks)
        model = nn.parallel.DistributedDataParallel(model)
        rows = data["inputs"].shape[1] // ranks
        for name in ("inputs", "targets"):
            data[name] = data[name][:, rank * rows:(rank + 1) * rows].contiguous()
    step = train_step(model, data)
    send(pid=os.getpid())
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            loss = step()
        send(ms=1e3 * (time.perf_counter() - start) / int(line), loss=loss)


main()
