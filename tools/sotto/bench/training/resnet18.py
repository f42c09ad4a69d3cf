"""Training of ResNet-18 for 32x32 images in PyTorch, as sotto bench train times it beside its own.

    resnet18.py BATCH THREADS

For each line on standard input, `gradient` or `step`, one line comes back: the seconds that it took. The first line is PyTorch's version.
"""
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Basic(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x), inplace=True)


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)], 64
        for outputs, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
            layers.append(Basic(channels, outputs, stride))
            channels = outputs
        self.layers, self.fc = nn.Sequential(*layers), nn.Linear(512, 10)

    def forward(self, x):
        return self.fc(self.layers(x).mean((2, 3)))


def main():
    batch, threads = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    net = ResNet18()
    optimiser = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
    images, labels = torch.randn(batch, 3, 32, 32), torch.randint(0, 10, (batch,))
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        begun = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(net(images), labels).backward()
        if line.strip() == "step":
            optimiser.step()
        print(time.perf_counter() - begun, flush=True)


main()
