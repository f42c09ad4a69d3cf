# Writes pillow.txt: what Pillow, by the steps that torchvision's Resize and CenterCrop take on images, makes of a few images.
# Of each: width, height, how many bands are kept (L or RGB), resize, crop, and the bytes in C order, plane by plane.
# A resize of 0 is none; where there is neither, the image is scaled to 8 x 8.
from PIL import Image

CASES = [
    (37, 23, "RGB", 16, 12),  # shrinks: every pixel counts
    (9, 14, "RGB", 24, 16),  # grows
    (31, 17, "L", 0, 0),  # grey, to a fixed size, by two ratios
    (200, 130, "L", 10, 10),
    (20, 21, "RGB", 0, 9),  # cut only, by half a pixel
]


def pixel(x, y):
    return ((x * x * 7 + y * 13) % 256, (x * y * 5 + 31) % 256, 255 * ((x + y) % 2), (3 * x) % 256)


for width, height, bands, resize, crop in CASES:
    image = Image.new("RGBA", (width, height))
    image.putdata([pixel(x, y) for y in range(height) for x in range(width)])
    image = image.convert("RGB").convert(bands)
    if resize:
        short, long = min(image.size), max(image.size)
        other = int(resize * long / short)
        image = image.resize((resize, other) if width <= height else (other, resize), Image.BILINEAR)
    if crop:
        left, top = int(round((image.width - crop) / 2.0)), int(round((image.height - crop) / 2.0))
        image = image.crop((left, top, left + crop, top + crop))
    if not resize and not crop:
        image = image.resize((8, 8), Image.BILINEAR)
    planes = b"".join(band.tobytes() for band in image.split())
    print(width, height, bands, resize, crop, planes.hex())
