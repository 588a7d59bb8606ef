"""What the browser lane types into exercises: for each id a wrong answer and a right one, as text.

`test_browser.py` holds them against the judges without a browser, so they cannot go stale unnoticed.
"""

TYPED = {
    "01.3": (
        "def next_pair(ids):\n    return ids, ids",
        "def next_pair(ids):\n    return ids[:-1], ids[1:]",
    ),
    "02.1": (
        "def waiting_time(u, rate):\n    return u / rate",
        "import math\n\ndef waiting_time(u, rate):\n    return -math.log(1 - u) / rate",
    ),
    "02.2": (
        "def noise_rows(seeds, size):\n"
        "    g = torch.Generator().manual_seed(seeds[0])\n"
        "    return torch.randn(len(seeds), size, generator=g)",
        "def noise_rows(seeds, size):\n"
        "    rows = []\n"
        "    for seed in seeds:\n"
        "        g = torch.Generator().manual_seed(seed)\n"
        "        rows.append(torch.randn(size, generator=g))\n"
        "    return torch.stack(rows)",
    ),
    "02.3": (
        "def expected_different(p, draws):\n    return sum((1 - one) ** draws for one in p)",
        "def expected_different(p, draws):\n    return len(p) - sum((1 - one) ** draws for one in p)",
    ),
    "02.4": (
        "def explained_share(pairs):\n    return 0.5",
        "def explained_share(pairs):\n"
        "    x, y = np.array(pairs, dtype=float).T\n"
        "    between = ((x - x.mean()) * (y - y.mean())).mean()\n"
        "    within = ((x - y) ** 2).mean() / 2\n"
        "    return between / (between + within)",
    ),
    "02.5": (
        "def information(counts):\n    return 0.0",
        "def information(counts):\n"
        "    p = np.array(counts) / np.sum(counts)\n"
        "    apart = p.sum(axis=1, keepdims=True) * p.sum(axis=0)\n"
        "    there = p > 0\n"
        "    return (p[there] * np.log2(p[there] / apart[there])).sum()",
    ),
    "02.6": (
        "def guide(p_any, p_asked, w):\n    return [a + w * (b - a) for a, b in zip(p_any, p_asked)]",
        "def guide(p_any, p_asked, w):\n"
        "    weights = []\n"
        "    for a, b in zip(p_any, p_asked):\n"
        "        impossible = w > 0 and b == 0\n"
        "        weights.append(0.0 if impossible else a ** (1 - w) * b ** w)\n"
        "    return [one / sum(weights) for one in weights]",
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
    "11.4": (
        "def forward_operations(layers, width, vocabulary, places):\n"
        "    return 24 * places * layers * width**2",
        "def forward_operations(layers, width, vocabulary, places):\n"
        "    matrices = layers * 12 * width**2 + vocabulary * width\n"
        "    return 2 * places * matrices + 4 * layers * places**2 * width",
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
