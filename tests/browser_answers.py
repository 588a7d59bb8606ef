"""What the browser lane types into exercises: for each id a wrong answer and a right one, as text.

`test_browser.py` holds them against the judges without a browser, so they cannot go stale unnoticed.
"""

TYPED = {
    "01.2": (
        "def what_followed(pieces, piece):\n    return pieces",
        "def what_followed(pieces, piece):\n"
        "    result = []\n"
        "    for i in range(len(pieces) - 1):\n"
        "        if pieces[i] == piece:\n"
        "            result.append(pieces[i + 1])\n"
        "    return result",
    ),
    "02.1": (
        "def noise_rows(seeds, size):\n"
        "    dice = torch.Generator().manual_seed(seeds[0])\n"
        "    return torch.randn(len(seeds), size, generator=dice)",
        "def noise_rows(seeds, size):\n"
        "    rows = []\n"
        "    for seed in seeds:\n"
        "        dice = torch.Generator().manual_seed(seed)\n"
        "        rows.append(torch.randn(size, generator=dice))\n"
        "    return torch.stack(rows)",
    ),
    "02.2": (
        "def pick(probabilities, u):\n    return probabilities.index(max(probabilities))",
        "def pick(probabilities, u):\n"
        "    end = 0\n"
        "    for position in range(len(probabilities)):\n"
        "        end += probabilities[position]\n"
        "        if u < end:\n"
        "            break\n"
        "    return position",
    ),
    "02.3": (
        "def fair_choices(probabilities):\n    return len(probabilities)",
        "import math\n\n"
        "def fair_choices(probabilities):\n"
        "    entropy = 0\n"
        "    for p in probabilities:\n"
        "        if p > 0:\n"
        "            entropy -= p * math.log2(p)\n"
        "    return 2 ** entropy",
    ),
    "02.4": (
        'impossible = {"request": "A balloon over the ocean", "baseline": "The ocean",\n'
        '              "look_for": "a balloon", "prediction": 2}',
        'impossible = {"request": "A balloon over the ocean at noon, at night",\n'
        '              "baseline": "A balloon over the ocean at noon",\n'
        '              "look_for": "a moon", "prediction": 1}',
    ),
    "03.1": (
        "def generate_until(next_token, ids, end, limit):\n    return ids",
        "def generate_until(next_token, ids, end, limit):\n"
        "    ids = list(ids)\n"
        "    for _ in range(limit):\n"
        "        ids.append(next_token(ids))\n"
        "        if ids[-1] == end:\n"
        "            break\n"
        "    return ids",
    ),
    "04.2": (
        "def ruin(x, betas, noises):\n    return x",
        "def ruin(x, betas, noises):\n"
        "    for beta, noise in zip(betas, noises):\n"
        "        x = (1 - beta) ** 0.5 * x + beta ** 0.5 * noise\n"
        "    return x",
    ),
    "05.1": (
        "def trained(shapes, rank):\n    return sum(a * b for a, b in shapes)",
        "def trained(shapes, rank):\n    return sum(rank * (a + b) for a, b in shapes)",
    ),
    "07.2": (
        "def keeps_metre(bars, beats):\n    return sum(bars[0]) == beats",
        "def keeps_metre(bars, beats):\n"
        "    if not bars:\n"
        "        return False\n"
        "    for lengths in bars:\n"
        "        if sum(lengths) != beats:\n"
        "            return False\n"
        "    return True",
    ),
    "11.4": (
        "def forward_operations(layers, width, vocabulary, places):\n"
        "    return 24 * places * layers * width**2",
        "def forward_operations(layers, width, vocabulary, places):\n"
        "    matrices = layers * 12 * width**2 + vocabulary * width\n"
        "    return 2 * places * matrices + 4 * layers * places**2 * width",
    ),
    "12.3": (
        "def information(counts):\n    return 1.0",
        "import math\n\n"
        "def information(counts):\n"
        "    total = sum(map(sum, counts))\n"
        "    bits = 0\n"
        "    for i in range(len(counts)):\n"
        "        for j in range(len(counts[0])):\n"
        "            row = sum(counts[i])\n"
        "            column = sum(line[j] for line in counts)\n"
        "            if counts[i][j]:\n"
        "                bits += counts[i][j] / total * math.log2(counts[i][j] * total / row / column)\n"
        "    return bits",
    ),
    "13.3": (
        "def tokens_read(prompt, new, cached):\n    return prompt + new - 1",
        "def tokens_read(prompt, new, cached):\n"
        "    if cached:\n"
        "        return prompt + new - 1\n"
        "    return new * prompt + new * (new - 1) // 2",
    ),
    "06.1": (
        "def rate(step, total, peak, warmup):\n    return peak",
        "def rate(step, total, peak, warmup):\n"
        "    return peak * min((step + 1) / warmup, (total - step) / (total - warmup + 1))",
    ),
}
