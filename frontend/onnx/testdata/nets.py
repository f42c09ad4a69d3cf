"""Networks of torchvision's architectures and names, written from their papers, with random weights.

    nets.py NET,DIR,SIDE,WIDTH[,KEY=VALUE...] ...

exports each NET for images of SIDE x SIDE, its widths times WIDTH, to DIR/model.onnx, and writes an input and what PyTorch computes of it to
DIR/x.npy and DIR/y.npy. KEY=VALUE are arguments of torch.onnx.export; keep_batchnorm=True is short for one of them.
"""
import ast
import os
import sys

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F


class Basic(nn.Module):
    """ResNet-18's block (He et al., CVPR 2016)."""
    expansion = 1

    def __init__(self, i, c, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(i, c, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(c, c, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)
        self.downsample = shortcut(i, c, stride)

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class Bottleneck(nn.Module):
    """ResNet-50's block."""
    expansion = 4

    def __init__(self, i, c, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(i, c, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.conv2 = nn.Conv2d(c, c, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)
        self.conv3 = nn.Conv2d(c, 4 * c, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * c)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(i, 4 * c, stride)

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


def shortcut(i, c, stride):
    if stride == 1 and i == c:
        return None
    return nn.Sequential(nn.Conv2d(i, c, 1, stride, bias=False), nn.BatchNorm2d(c))


class ResNet(nn.Module):
    def __init__(self, block, layers, width):
        super().__init__()
        w = lambda c: max(1, int(c * width))
        self.conv1 = nn.Conv2d(3, w(64), 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(w(64))
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        i = w(64)
        for n, (c, count) in enumerate(zip((64, 128, 256, 512), layers), 1):
            stage = []
            for k in range(count):
                stage.append(block(i, w(c), 2 if n > 1 and k == 0 else 1))
                i = w(c) * block.expansion
            setattr(self, f"layer{n}", nn.Sequential(*stage))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(i, 1000 if width == 1 else 10)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class ConvNormActivation(nn.Sequential):
    def __init__(self, i, c, kernel=3, stride=1, groups=1):
        super().__init__(nn.Conv2d(i, c, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False), nn.BatchNorm2d(c), nn.ReLU6(inplace=True))


class Inverted(nn.Module):
    """MobileNetV2's inverted residual (Sandler et al., CVPR 2018)."""

    def __init__(self, i, c, stride, t):
        super().__init__()
        self.use_res_connect = stride == 1 and i == c
        h = i * t
        layers = [ConvNormActivation(i, h, 1)] if t != 1 else []
        layers += [ConvNormActivation(h, h, 3, stride, h), nn.Conv2d(h, c, 1, bias=False), nn.BatchNorm2d(c)]
        self.conv = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self, width):
        super().__init__()
        w = lambda c: max(1, int(c * width))
        i = w(32)
        features = [ConvNormActivation(3, i, 3, 2)]
        for t, c, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
            for k in range(count):
                features.append(Inverted(i, w(c), stride if k == 0 else 1, t))
                i = w(c)
        features.append(ConvNormActivation(i, w(1280), 1))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(w(1280), 1000 if width == 1 else 10))

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(torch.flatten(x, 1))


class VGG(nn.Module):
    """VGG-16 (Simonyan and Zisserman, ICLR 2015)."""

    def __init__(self, width, norm=False, side=7):
        super().__init__()
        w = lambda c: max(1, int(c * width))
        layers, i = [], 3
        for widths in ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)):
            for c in widths:
                layers += [nn.Conv2d(i, w(c), 3, padding=1)] + ([nn.BatchNorm2d(w(c))] if norm else []) + [nn.ReLU(inplace=True)]
                i = w(c)
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((side, side))
        h = w(4096)
        self.classifier = nn.Sequential(nn.Linear(i * side * side, h), nn.ReLU(True), nn.Dropout(), nn.Linear(h, h), nn.ReLU(True), nn.Dropout(),
                                        nn.Linear(h, 1000 if width == 1 else 10))

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class Fire(nn.Module):
    """SqueezeNet's module (Iandola et al., 2016)."""

    def __init__(self, i, s, e):
        super().__init__()
        self.squeeze = nn.Conv2d(i, s, 1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(s, e, 1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(s, e, 3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.squeeze_activation(self.squeeze(x))
        return torch.cat([self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """Two stages of it; its max-pooling rounds sizes up."""

    def __init__(self, width):
        super().__init__()
        w = lambda c: max(1, int(c * width))
        pool = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)
        self.features = nn.Sequential(nn.Conv2d(3, w(64), 3, 2), nn.ReLU(inplace=True), pool(), Fire(w(64), w(16), w(64)), Fire(2 * w(64), w(16), w(64)),
                                      pool(), Fire(2 * w(64), w(32), w(128)), Fire(2 * w(128), w(32), w(128)))
        self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(2 * w(128), 10, 1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1)))

    def forward(self, x):
        return torch.flatten(self.classifier(self.features(x)), 1)


class DenseLayer(nn.Module):
    """DenseNet's layer (Huang et al., CVPR 2017)."""

    def __init__(self, i, growth):
        super().__init__()
        self.norm1, self.relu1, self.conv1 = nn.BatchNorm2d(i), nn.ReLU(inplace=True), nn.Conv2d(i, 4 * growth, 1, bias=False)
        self.norm2, self.relu2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.ReLU(inplace=True), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, xs):
        y = self.conv1(self.relu1(self.norm1(torch.cat(xs, 1))))
        return self.conv2(self.relu2(self.norm2(y)))


class DenseNet(nn.Module):
    """Two blocks of it with a transition between them."""

    def __init__(self, width):
        super().__init__()
        growth = max(1, int(32 * width))
        i = 2 * growth
        self.features = nn.Sequential()
        self.features.add_module("conv0", nn.Conv2d(3, i, 3, padding=1, bias=False))
        for b in (1, 2):
            block = nn.ModuleDict()
            for k in range(3):
                block[f"denselayer{k + 1}"] = DenseLayer(i, growth)
                i += growth
            self.features.add_module(f"denseblock{b}", block)
            if b == 1:
                t = nn.Sequential()
                for name, m in (("norm", nn.BatchNorm2d(i)), ("relu", nn.ReLU(inplace=True)), ("conv", nn.Conv2d(i, i // 2, 1, bias=False)), ("pool", nn.AvgPool2d(2, 2))):
                    t.add_module(name, m)
                self.features.add_module("transition1", t)
                i //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(i))
        self.classifier = nn.Linear(i, 10)

    def forward(self, x):
        for m in self.features:
            if isinstance(m, nn.ModuleDict):
                xs = [x]
                for layer in m.values():
                    xs.append(layer(xs))
                x = torch.cat(xs, 1)
            else:
                x = m(x)
        x = F.adaptive_avg_pool2d(F.relu(x, inplace=True), (1, 1))
        return self.classifier(torch.flatten(x, 1))


class Small(nn.Module):
    """What the others do not have: a view by sizes, a mean, pads, relu6 by numbers, softmax, a linear layer of vectors."""

    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, (3, 1), stride=(2, 1), padding=(1, 0), groups=2)
        self.fc1, self.fc2 = nn.Linear(8, 12), nn.Linear(12, 5, bias=False)

    def forward(self, x):
        x = F.relu(self.c1(F.pad(x, (1, 0, 2, 1))))
        x = self.c2(F.avg_pool2d(x, 3, 1, 1))
        x = F.hardtanh(x, 0, 6).mean((2, 3))
        x = x.view(x.size(0), -1)
        return F.softmax(self.fc2(F.relu(self.fc1(x))), 1)


NETS = {
    "resnet18": lambda w: ResNet(Basic, (2, 2, 2, 2), w), "resnet50": lambda w: ResNet(Bottleneck, (3, 4, 6, 3), w),
    "mobilenetv2": MobileNetV2, "vgg16": lambda w: VGG(w, side=7 if w == 1 else 1), "vgg16_bn": lambda w: VGG(w, True, side=7 if w == 1 else 1),
    "squeezenet": SqueezeNet, "densenet": DenseNet, "small": lambda w: Small(),
}


def draw(net):
    """Random weights and batch statistics that keep activations near unit variance."""
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.weight.data.uniform_(0.5, 1.0)
            m.bias.data.uniform_(-0.2, 0.2)
            m.running_mean.uniform_(-0.2, 0.2)
            m.running_var.uniform_(0.8, 1.5)
        elif isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode="fan_in")


def export(name, folder, side, width, options):
    if options.pop("keep_batchnorm", False):
        options["training"] = torch.onnx.TrainingMode.PRESERVE
    torch.manual_seed(1)
    net = NETS[name](width)
    draw(net)
    net.eval()
    x = torch.rand(1, 1 if name == "small" else 3, side, side)
    with torch.no_grad():
        y = net(x)
    os.makedirs(folder, exist_ok=True)
    np.save(os.path.join(folder, "x.npy"), x[0].numpy())
    np.save(os.path.join(folder, "y.npy"), y[0].numpy())
    torch.onnx.export(net, x, os.path.join(folder, "model.onnx"), **options)


for spec in sys.argv[1:]:
    name, folder, side, width, *options = spec.split(",")
    export(name, folder, int(side), float(width), {k: ast.literal_eval(v) for k, v in (o.split("=") for o in options)})
