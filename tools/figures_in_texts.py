"""Write the measured figures into README and docs, or check that they are what was measured.

A text holds a place for a table:

    <!-- figures: loss unseen-style -->
    (this tool writes here)
    <!-- /figures -->

and single numbers inside a sentence as `<!-- figure: unseen-style.r1_en -->.61<!-- /figure -->`.
Both are filled from `benchmarks/results/NAME.json`. `--check` (part of `make lint`) writes nothing and
fails, naming the file, when a text differs; `make docs` writes.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
TABLE = re.compile(r"(<!-- figures: ([\w\- ]+?) -->\n).*?(<!-- /figures -->)", re.DOTALL)
NUMBER = re.compile(r"(<!-- figure: ([\w\-]+)\.(\w+) -->).*?(<!-- /figure -->)", re.DOTALL)


class Line(NamedTuple):
    """One line of the table: which figure, what it is in either language, what it should reach."""

    key: str
    english: str
    chinese: str
    goal: str = "–"


LINES: dict[str, list[Line]] = {
    "chat": [
        Line("turns_right", "Turns of a conversation that reach the right state, paraphrases held out", "对话中到达正确状态的轮次，说法未见过", "≥ .95"),
        Line("turns_right_alone", "… each from the right state before it", "……每轮都从正确的前一状态开始"),
        Line("keywords_right", "… each turn taken for a search of its own", "……每轮都当作单独的搜索"),
    ],
    "loss": [
        Line("peak_mib_8192", "Contrastive loss, peak memory, batch 8,192 (MiB)", "对比损失峰值内存，批量 8,192（MiB）", "≤ 100"),
        Line("peer_peak_mib_8192", "… the plain form, same batch (MiB)", "……普通写法，同一批量（MiB）"),
        Line("peak_mib_32768", "… ours, batch 32,768 (MiB)", "……我们的写法，批量 32,768（MiB）", "≤ 300"),
        Line("time_ratio_4096", "… time, ours ÷ plain, batch 4,096", "……用时之比（我们÷普通），批量 4,096", "≤ 1.0"),
        Line("time_ratio_8192", "… time, ours ÷ plain, batch 8,192", "……用时之比（我们÷普通），批量 8,192", "≤ 0.5"),
    ],
    "unseen-style": [
        Line("r1_en", "Text → picture in a drawing style never seen, recall@1 of 1,599, English", "以文搜图，从未见过的画风，1,599 张中 recall@1，英文", "≥ .60"),
        Line("r1_zh", "… Chinese", "……中文", "≥ .60"),
        Line("r1_pixels", "… nearest pixels (a picture as query)", "……最近像素（以图为查询）"),
        Line("minutes", "… minutes of training a seed, two cores", "……每个种子的训练分钟数（双核）", "≤ 60"),
    ],
    "demo": [
        Line("r1_en", "`make demo`, recall@1 on the unseen style, English", "`make demo`，未见画风 recall@1，英文", "≥ .40"),
        Line("r1_zh", "… Chinese", "……中文", "≥ .40"),
        Line("minutes_all", "… minutes from nothing to the sheets", "……从零到结果图的总分钟数", "≤ 15"),
    ],
    "cold-search": [
        Line("seconds", "`autoglm search` in a new process, text tower of CLIP's size (s)", "新进程中的 `autoglm search`，CLIP 规模的文本塔（秒）", "≤ 1.0"),
        Line("seconds_mini", "… with a model of the preset `mini`", "……预设 `mini` 的模型"),
        Line("seconds_with_torch", "… CLIP's size, the whole model in torch", "……CLIP 规模，以 torch 载入整个模型"),
        Line("import_torch", "… `import torch` alone", "……仅 `import torch`"),
    ],
    "encode": [
        Line("images_per_s", "JPEGs on disk → vectors, ViT-B/32, two cores (pictures/s)", "磁盘上的 JPEG → 向量，ViT-B/32，双核（张/秒）"),
        Line("speedup", "… times the faster of sentence-transformers and rclip's loop", "……相对 sentence-transformers 与 rclip 循环中较快者的倍数", "≥ 2"),
        Line("cosine_min", "… smallest cosine with the whole picture in float32", "……与 float32 全图向量的最小余弦", "≥ .999"),
        Line("speedup_tiny", "… a tiny tower, where decoding is all the work", "……极小的塔，几乎只剩解码"),
    ],
    "relevance": [
        Line("cut_f1_over_oracle", "Where relevance ends: F1 of the cut ÷ that of the best cut of each list", "相关结果的截止处：截断的 F1 ÷ 每个列表最佳截断的 F1", "≥ .9"),
        Line("found_f1_over_oracle", "… on the lists that are said to match", "……在判定为有匹配的列表上"),
        Line("count_f1_over_oracle", "… the best flat number of rows, chosen in hindsight", "……事后选出的最佳固定条数"),
        Line("flat_f1_over_oracle", "… the best flat cutoff of the cosine, chosen in hindsight", "……事后选出的最佳固定余弦阈值"),
        Line("false_found", "… something is said to match where nothing does", "……实际没有却判定为有匹配", "≤ .05"),
        Line("false_nothing", "… nothing is said to match where something does", "……实际有却判定为无匹配"),
        Line("false_nothing_flat", "… the same of a flat cutoff that finds as much where nothing is", "……误报率相同的固定阈值的同一指标"),
    ],
    "columns": [
        Line("gap_to_best", "Columns alone: the better of trees and a linear model, minus ours, mean of four tables", "仅结构化列：树模型与线性模型中较好者减去我们，四个表的均值", "≤ .01"),
        *(
            Line(f"{table}_{form}", f"{first}, {english}", f"{second}，{chinese}")
            for table, first, second in [
                ("wine", "Wine, accuracy", "Wine，准确率"),
                ("breast_cancer", "Breast cancer, accuracy", "Breast cancer，准确率"),
                ("diabetes", "Diabetes, R²", "Diabetes，R²"),
                ("digits", "Digits, accuracy", "Digits，准确率"),
            ]
            for form, english, chinese in [
                ("ours", "this tower", "本项目"),
                ("trees", "gradient-boosted trees", "梯度提升树"),
                ("linear", "linear", "线性模型"),
            ]
        ),
    ],
    "decode": [
        Line("cached_speedup_128", "128 tokens with the cache, times faster than computed anew", "写 128 个词元，有缓存比每次重算快几倍", "≥ 5"),
        Line("window_speedup_1024", "A token at a window of 1,024, times faster than computed anew", "窗口 1,024 时每个词元比重算快几倍", "≥ 22"),
        Line("speedup_vs_transformers", "128 tokens, times faster than `transformers`' generate, same weights and threads", "写 128 个词元，比 `transformers` 的 generate 快几倍（同权重、同线程）", "≥ 1.2"),
        Line("speedup_vs_transformers_batch_8", "… eight texts side by side", "……八条并行"),
        Line("tokens_per_s", "… tokens a second, 6 layers of 256", "……每秒词元数（6 层，宽 256）"),
        Line("part_cache", "Looking at a picture of 196 tokens: times the time without the cache", "看 196 词元的图：去掉缓存后用时几倍"),
        Line("part_picture", "… without kept keys and values of the picture", "……不保留图的键与值"),
        Line("part_buffers", "… without buffers made once", "……不预先分配缓冲"),
        Line("part_mask", "… with a mask at every token", "……每个词元都建掩码"),
        Line("part_prepared", "… with layers as they are for whole texts", "……用处理整段文字的层"),
        Line("max_logit_difference", "Largest difference of a score, cached and computed anew (float32)", "有无缓存的得分最大差（float32）", "≤ 1e-5"),
        Line("perplexity_ratio", "20,000 tokens at a window of 256: perplexity ÷ that of sliding recompute", "20,000 词元、窗口 256：困惑度 ÷ 滑动重算的困惑度", "≤ 1.02"),
        Line("perplexity_ratio_without_sinks", "… the window without sinks", "……无汇点的窗口"),
        Line("cache_growth", "… bytes of the cache at the end ÷ after a tenth", "……末尾缓存字节数 ÷ 十分之一处", "1"),
    ],
    "auto-weight": [
        Line("final_fast", "GradNorm, weight of the faster task at the end", "GradNorm，较快任务的最终权重", "≈ .5"),
        Line("final_slow", "… of the slower task", "……较慢任务", "≈ 1.5"),
        Line("gap_to_grid", "… score minus the best of 9 fixed pairs of weights", "……得分减去 9 组固定权重中最佳者"),
        Line("gap_to_equal", "… score minus that of weights 1 / 1", "……得分减去权重 1 / 1 的得分"),
    ],
    "memory": [
        Line("mqar_64", "Recall of 64 pairs, windows of 16 words and a slot memory, right answers", "64 对联想回忆，16 词窗口加槽记忆，正确率", "≥ .99"),
        Line("mqar_64_window", "… the window alone, same size", "……仅窗口，同等规模"),
        Line("mqar_64_lstm", "… an LSTM of the same size", "……同等规模的 LSTM"),
        Line("dialogue_accuracy", "Dialogue about a picture, window and memory, right answers", "看图对话，窗口加记忆，正确率", "≥ .95"),
        Line("dialogue_window", "… the window alone, same size", "……仅窗口，同等规模"),
        Line("memory_gain", "… what the memory adds", "……记忆带来的提升", "≥ .126"),
        Line("dialogue_blind", "… control: no picture", "……对照：不看图"),
        Line("dialogue_one_turn", "… control: no earlier turns", "……对照：不看之前轮次"),
        Line("cells_seen", "… cells of a scene that the vision tower names right", "……视觉塔正确认出的格子"),
    ],
    "fusion": [
        Line("attention_minus_concat_corrupted", "Fusion, modalities corrupted row by row: attention or gating − concat, test accuracy", "融合，逐条损坏模态：注意力或门控 − 拼接，测试准确率", "≥ .045"),
        Line("attention_minus_plain_corrupted", "… − concat filled with zeros that learned from clean rows alone", "……− 仅用干净数据训练的补零拼接"),
        Line("extra_params", "… parameters over concat's", "……参数相对拼接的增量", "≤ .03"),
        Line("missing50_loss_ratio", "… half of the modalities missing: what is lost, ÷ the loss of concat filled with zeros", "……缺失一半模态：准确率损失 ÷ 补零拼接的损失", "≤ .5"),
        Line("missing50_loss_ratio_plain", "… the same, ÷ the loss of one that learned from clean rows alone", "……同上，÷ 仅用干净数据训练者的损失"),
        Line("gate_spearman", "… gate against reliability, Spearman's ρ over rows", "……门与可靠度，逐条 Spearman ρ", "≥ .9"),
        Line("gate_spearman_within", "… the same over strengths within a row", "……同一条目内随强度变化的 ρ"),
    ],
    "vqa": [
        Line("accuracy", "Questions about pictures (easy-VQA), answers written freely, exact match", "看图问答（easy-VQA），自由生成，完全一致率", "≥ .995"),
        Line("shuffled_image", "… the same questions put to another picture", "……同样的问题配另一张图片", "≤ .675"),
        Line("question_only", "… the most frequent training answer to the same words", "……训练集中同一问题最常见的答案"),
        Line("answered", "… share answered, the rest being “I don't know”", "……作答比例，其余回答“不知道”"),
        Line("right_of_those", "… right of those that are answered", "……作答中的正确率"),
        Line("minutes", "… minutes of training a seed, two cores", "……每个种子的训练分钟数（双核）"),
    ],
    "catalog": [
        Line("rows_per_s", "`autoglm add`, 100,000 new JPEGs of a megapixel from the disk, two cores (rows/s)", "`autoglm add`，磁盘上 100,000 张百万像素的新 JPEG，双核（条/秒）"),
        Line("first_s", "… in all (s)", "……总用时（秒）"),
        Line("peak_mib", "… peak memory (MiB)", "……峰值内存（MiB）", "flat"),
        Line("peak_mib_10k", "… peak memory, 10,000 pictures (MiB)", "……10,000 张时的峰值内存（MiB）"),
        Line("again_nothing_s", "… the same folder once more (s)", "……同一文件夹再加一次（秒）"),
        Line("again_s", "… after 100 pictures were replaced and 10 removed (s)", "……替换 100 张、删去 10 张之后（秒）"),
        Line("touched_after_change", "… rows that this touched", "……此时改动的条目数", "110"),
    ],
    "zero-shot": [
        Line("r10_en", "Tux Paint stamps, never trained on, recall@10, English", "从未训练过的 Tux Paint 图章，recall@10，英文"),
        Line("r10_zh", "… Chinese", "……中文"),
        Line("chance", "… chance", "……随机水平"),
    ],
    "index": [
        Line("recall10_1m", "Search in 1,000,000 rows, recall@10 by pictures", "百万条目检索，以图查询 recall@10", "≥ .99"),
        Line("recall10_text", "… by texts", "……以文查询", "≥ .99"),
        Line("p50_1m", "… p50 (ms)", "……p50（ms）"),
        Line("p50_ratio_1m", "… p50, ours ÷ the fastest library of equal recall", "……p50 之比（我们÷同等召回最快的库）", "≤ 1.5"),
        Line("memory_ratio_1m", "… memory, ours ÷ that library's", "……内存之比（我们÷该库）", "≤ .25"),
        Line("build_ratio_1m", "… building, ours ÷ faiss HNSW", "……建索引用时之比（我们÷faiss HNSW）", "< 1"),
        Line("where_ratio_1m", "… slowest filter ÷ no filter, p50", "……最慢过滤÷无过滤，p50", "≤ 3"),
    ],
}  # fmt: skip


def texts() -> list[Path]:
    """Every text that may hold figures."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def fill(text: str, *, chinese: bool, results: Path = RESULTS) -> str:
    """The text with its figures as they were measured."""

    def table(match: re.Match[str]) -> str:
        return match[1] + _table(match[2].split(), chinese=chinese, results=results) + match[3]

    def number(match: re.Match[str]) -> str:
        return match[1] + _number(_read(results, match[2])["figures"][match[3]]["value"]) + match[4]

    return NUMBER.sub(number, TABLE.sub(table, text))


def _table(names: list[str], *, chinese: bool, results: Path) -> str:
    head = (
        ["内容", "测得", "95 % 区间", "目标", "命令"]
        if chinese
        else ["what", "measured", "95 %", "goal", "command"]
    )
    rows = [head, ["---"] * len(head)]
    for name in names:
        content = _read(results, name)
        for line in LINES[name]:
            entry = content["figures"][line.key]
            interval = f"{_number(entry['low'])} – {_number(entry['high'])}" if "low" in entry else ""
            what = line.chinese if chinese else line.english
            rows.append([what, _number(entry["value"]), interval, line.goal, f"`{content['command']}`"])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _read(results: Path, name: str) -> dict[str, Any]:
    path = results / f"{name}.json"
    if not path.exists():
        sys.exit(f"{path.name} is missing in benchmarks/results; make it with: make bench-{name}")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _number(value: float) -> str:
    """Three figures that count: .612, 4.21, 82, 1,050; what is not quite all does not look like it.

    >>> [_number(value) for value in (0.6123, 4.21, 82.4, 1050.3, 0.00062, 0.99996)]
    ['.612', '4.21', '82', '1,050', '.0006', '.99996']
    """
    if 0.9995 <= value < 1:
        return f"{value:.5f}".lstrip("0")
    if value == 0 or abs(value) >= 10:
        return f"{value:,.0f}"
    if abs(value) >= 1:
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return f"{value:.3f}".lstrip("0") if abs(value) >= 0.001 else f"{value:.4f}".lstrip("0")


def main() -> None:
    """Write, or with `--check` compare."""
    check = "--check" in sys.argv[1:]
    stale = []
    for path in texts():
        old = path.read_text(encoding="utf-8")
        new = fill(old, chinese=path.name.endswith(".zh-CN.md"))
        if new != old:
            stale.append(path.relative_to(ROOT).as_posix())
            if not check:
                path.write_text(new, encoding="utf-8")
    if stale and check:
        sys.exit(f"figures differ from benchmarks/results in {', '.join(stale)}; run: make docs")
    print("figures agree with benchmarks/results" if not stale else f"written: {', '.join(stale)}")


if __name__ == "__main__":
    main()
