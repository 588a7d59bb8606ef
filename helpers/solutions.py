"""Reference answers to the exercises, as plain functions; `exercises.solution` prints their source."""

# Notebook 03


def generate_until(next_token, ids, end, limit):
    """Extend a copy of ids until `end` has been written, by at most `limit` tokens."""
    ids = list(ids)
    for _ in range(limit):
        ids.append(next_token(ids))
        if ids[-1] == end:
            break
    return ids


def keep_min_p(logits, min_p):
    """Drop tokens less probable than min_p times the likeliest one (Nguyen et al. 2024)."""
    probabilities = logits.softmax(dim=-1)
    likeliest = probabilities.max(dim=-1, keepdim=True).values
    return logits.masked_fill(probabilities < min_p * likeliest, -float("inf"))


def perplexity(log_probabilities):
    """e to the average surprise; the surprise of a token is minus its log-probability (nats)."""
    import math

    surprise = -sum(log_probabilities) / len(log_probabilities)
    return math.exp(surprise)


def pad_left(rows, pad):
    """Rows made equally long with `pad` on the left, and a mask: 1 for tokens, 0 for padding."""
    width = max(len(row) for row in rows)
    ids = [[pad] * (width - len(row)) + row for row in rows]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    return ids, mask


def request():
    """Any words will do that name the four facts, each in one way only."""
    return "Tell a brave story about Odo the robot, by the ocean at sunset.\n"
