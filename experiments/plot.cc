#include "experiments/plot.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "experiments/growth.h"
#include "experiments/record.pb.h"

namespace rct {
namespace {

// A quantity of the plot, in a color of Okabe and Ito's palette, which people
// with color blindness can tell apart.
struct Quantity {
  const char* name;
  const char* color;
};
constexpr Quantity kFactor = {"V", "#009e73"};
constexpr Quantity kIndex = {"index", "#d55e00"};
constexpr Quantity kSearch = {"search", "#0072b2"};

// Lengths are in units of the view box.
constexpr double kWidth = 800;
constexpr double kHeight = 500;
constexpr double kLeft = 60;
constexpr double kTop = 108;
constexpr double kBottom = 398;
constexpr double kPanelWidth = 200;
constexpr double kPanelStep = 252;  // from one panel to the next
constexpr double kLetter = 6.5;     // mean width of a letter of the legend

constexpr int kMaxCases = 4;  // as many as there are shapes of markers

// Returns a name of the user's without markup and without characters that XML
// does not allow.
std::string Escaped(absl::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      default:
        result += absl::ascii_iscntrl(c) ? ' ' : c;
    }
  }
  return result;
}

// A logarithmic axis, from `low` to `high` in decades.
struct Axis {
  double low, high;    // decimal logarithms
  double from, until;  // where they are drawn

  double At(double value) const {
    return from + (std::log10(value) - low) / (high - low) * (until - from);
  }
  bool Holds(double value) const {
    constexpr double kRounding = 1e-9;
    const double log = std::log10(value);
    return low - kRounding <= log && log <= high + kRounding;
  }
};

struct Tick {
  int digit;     // 1 to 9
  int exponent;  // of ten
  bool labeled;

  double value() const { return digit * std::pow(10, exponent); }
};

// Returns the labeled ticks: decades and, where there is room between them, 2
// and 5.
std::vector<Tick> TicksOf(const Axis& axis) {
  std::vector<Tick> ticks;
  constexpr double kRoom = 120;
  const bool room =
      std::abs(axis.until - axis.from) > kRoom * (axis.high - axis.low);
  for (int exponent = static_cast<int>(std::floor(axis.low));
       exponent <= static_cast<int>(std::ceil(axis.high)); ++exponent) {
    for (int digit = 1; digit < 10; ++digit) {
      const Tick tick = {digit, exponent,
                         digit == 1 || (room && (digit == 2 || digit == 5))};
      if (axis.Holds(tick.value())) ticks.push_back(tick);
    }
  }
  return ticks;
}

// Returns the label of a tick: 1, 20 or 500 in digits, numbers far from 1 as
// powers of ten.
std::string LabelOf(const Tick& tick) {
  if (-3 < tick.exponent && tick.exponent < 4) {
    return absl::StrFormat("%g", tick.value());
  }
  return absl::StrFormat("%s10<tspan dy=\"-5\" font-size=\"9\">%d</tspan>",
                         tick.digit == 1 ? "" : absl::StrCat(tick.digit, "·"),
                         tick.exponent);
}

struct Mark {
  double x, y;
  bool hollow;
  std::string note;
};

// The points of one line.
struct Series {
  Quantity quantity;
  int shape;  // of the case
  std::vector<Mark> marks;
};

struct Panel {
  std::string heading;
  std::vector<Series> series;
};

// Returns an element with `text`, which must be escaped.
std::string Text(double x, double y, absl::string_view style,
                 absl::string_view text) {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\"%s%s>%s</text>\n", x, y,
                         style.empty() ? "" : " ", style, text);
}

// Returns a marker in the shape of a case; all shapes have about the same area.
std::string Marker(double x, double y, int shape, absl::string_view color,
                   bool hollow, absl::string_view note) {
  constexpr const char* kOutlines[kMaxCases] = {
      "",                                    // a circle
      "m4 4h-8v-8h8z",                       // a square
      "m0 5.2l-5.2 -5.2 5.2 -5.2 5.2 5.2z",  // a diamond
      "m-5 3.6h10l-5 -8.8z",                 // a triangle
  };
  const std::string style =
      absl::StrFormat("fill=\"%s\" stroke=\"%s\" stroke-width=\"1.8\"",
                      hollow ? "#ffffff" : color, color);
  const std::string title =
      note.empty() ? "" : absl::StrCat("<title>", Escaped(note), "</title>");
  if (shape == 0) {
    return absl::StrFormat(
        "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" %s>%s</circle>\n", x, y, style,
        title);
  }
  return absl::StrFormat("<path d=\"M%.1f %.1f%s\" %s>%s</path>\n", x, y,
                         kOutlines[shape], style, title);
}

// Returns a path; `outline` is its data in the sense of SVG.
std::string Path(absl::string_view outline, absl::string_view style) {
  return absl::StrFormat("<path d=\"%s\" fill=\"none\" %s/>\n", outline, style);
}

class GrowthPlot {
 public:
  GrowthPlot(const Growth& growth, const RunRecord& record)
      : growth_(growth),
        record_(record),
        num_cases_(
            std::min<int>(kMaxCases, static_cast<int>(growth.cases.size()))) {
    const auto& rows = growth.cases[0];
    const double first = std::log10(static_cast<double>(Size(rows.front())));
    const double last = std::log10(static_cast<double>(Size(rows.back())));
    const double margin = 0.08 * (last - first);
    low_ = first - margin;
    high_ = last + margin;
  }

  std::string Draw() const {
    const std::string& title = record_.deterministic().title();
    std::string svg = absl::StrFormat(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
        "role=\"img\" font-family=\"Helvetica, Arial, sans-serif\" "
        "font-size=\"12\" fill=\"#222222\">\n",
        kWidth, kHeight);
    const std::string heading = Escaped(title.empty() ? "Growth" : title);
    absl::StrAppend(
        &svg, "<title>", heading, "</title>\n",
        "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        Text(kLeft, 38, "font-size=\"20\" font-weight=\"bold\"", heading),
        Text(kLeft, 60, "fill=\"#666666\"", Subtitle()));
    const std::vector<Panel> panels = {Times(), Evaluations(), Bytes()};
    for (size_t p = 0; p < panels.size(); ++p) {
      absl::StrAppend(&svg, DrawPanel(panels[p], static_cast<int>(p)));
    }
    absl::StrAppend(&svg, Legend(), "</svg>\n");
    return svg;
  }

 private:
  int64_t Size(const GrowthRow& row) const {
    return growth_.of_points ? row.num_points : row.num_inducing;
  }

  // Returns whether the row differs from the smallest workload in more than its
  // size.
  bool IsHollow(const GrowthRow& row) const {
    return row.num_inducing != growth_.cases[0][0].num_inducing &&
           growth_.of_points;
  }

  std::string Subtitle() const {
    const auto& known = record_.deterministic().workload(0);
    const auto& measured = record_.measured().workload(0);
    const GrowthRow& first = growth_.cases[0][0];
    return absl::StrFormat(
        "d = %d, %s, k = %d, %d threads; medians of %d", known.dimension(),
        growth_.of_points ? absl::StrCat("m = ", first.num_inducing)
                          : absl::StrCat("n = ", first.num_points),
        known.case_(0).k(), measured.case_(0).threads(),
        measured.factor_seconds_size());
  }

  // Returns the line of `value` of each row of a case, without values that are
  // not above 0, which have no place on the axis.
  template <class Value>
  Series SeriesOf(Quantity quantity, int i, Value value) const {
    Series series = {quantity, i, {}};
    for (const GrowthRow& row : growth_.cases[i]) {
      const double y = value(row);
      if (!(y > 0)) continue;
      series.marks.push_back({static_cast<double>(Size(row)), y, IsHollow(row),
                              absl::StrFormat("%s, %s, %s: %.4g", row.workload,
                                              row.name, quantity.name, y)});
    }
    return series;
  }

  Panel Times() const {
    Panel panel{"microseconds a row", {}};
    panel.series.push_back(SeriesOf(
        kFactor, 0, [](const GrowthRow& row) { return row.factor_us; }));
    for (int i = 0; i < num_cases_; ++i) {
      panel.series.push_back(SeriesOf(
          kIndex, i, [](const GrowthRow& row) { return row.index_us; }));
      panel.series.push_back(SeriesOf(
          kSearch, i, [](const GrowthRow& row) { return row.search_us; }));
    }
    return panel;
  }

  Panel Evaluations() const {
    Panel panel{"evaluations a row", {}};
    for (int i = 0; i < num_cases_; ++i) {
      panel.series.push_back(SeriesOf(kIndex, i, [](const GrowthRow& row) {
        return row.index_evaluations;
      }));
      panel.series.push_back(SeriesOf(kSearch, i, [](const GrowthRow& row) {
        return row.search_evaluations;
      }));
    }
    return panel;
  }

  Panel Bytes() const {
    Panel panel{"bytes a row", {}};
    panel.series.push_back(SeriesOf(
        kFactor, 0, [](const GrowthRow& row) { return row.factor_bytes; }));
    for (int i = 0; i < num_cases_; ++i) {
      panel.series.push_back(SeriesOf(
          kIndex, i, [](const GrowthRow& row) { return row.index_bytes; }));
    }
    return panel;
  }

  // Returns an axis of whole decades around all lines of the panel.
  static Axis AxisOf(const Panel& panel) {
    double least = HUGE_VAL, greatest = 0;
    for (const Series& series : panel.series) {
      for (const Mark& mark : series.marks) {
        least = std::min(least, mark.y);
        greatest = std::max(greatest, mark.y);
      }
    }
    if (greatest == 0) least = greatest = 1;
    const double low = std::floor(std::log10(least));
    return {low, std::max(low + 1, std::ceil(std::log10(greatest))), kBottom,
            kTop};
  }

  // Returns the guides from the first marker on. They grow in total as n and as
  // n log n, which per row is constant and log n; or, where inducing points
  // grow, as m and m^2.
  std::string Guides(const Series& series, const Axis& x, const Axis& y) const {
    if (series.marks.empty()) return "";
    const Mark& first = series.marks.front();
    // A guide of log n cannot start at n = 1, where it is 0.
    if (growth_.of_points && first.x < 2) return "";
    std::string lower, upper;
    constexpr int kSteps = 4;
    for (int step = 0; step <= kSteps; ++step) {
      const double ratio = std::pow(std::pow(10, x.high) / first.x,
                                    static_cast<double>(step) / kSteps);
      const double at = first.x * ratio;
      const double slow = growth_.of_points ? 1 : ratio;
      const double fast =
          growth_.of_points ? std::log(at) / std::log(first.x) : ratio * ratio;
      const char* const command = step == 0 ? "M" : "L";
      absl::StrAppendFormat(&lower, "%s%.1f %.1f", command, x.At(at),
                            y.At(first.y * slow));
      absl::StrAppendFormat(&upper, "%s%.1f %.1f", command, x.At(at),
                            y.At(first.y * fast));
    }
    return Path(lower + upper,
                absl::StrFormat(
                    "stroke=\"%s\" stroke-width=\"1.4\" stroke-dasharray=\"0.1 "
                    "4\" stroke-linecap=\"round\" opacity=\"0.7\"",
                    series.quantity.color));
  }

  // Returns the line, dashed where it leads to a hollow point.
  static std::string Curve(const Series& series, const Axis& x, const Axis& y) {
    std::string solid, dashed, markers;
    for (size_t i = 0; i < series.marks.size(); ++i) {
      const Mark& mark = series.marks[i];
      markers += Marker(x.At(mark.x), y.At(mark.y), series.shape,
                        series.quantity.color, mark.hollow, mark.note);
      if (i == 0) continue;
      const Mark& last = series.marks[i - 1];
      absl::StrAppendFormat(mark.hollow || last.hollow ? &dashed : &solid,
                            "M%.1f %.1fL%.1f %.1f", x.At(last.x), y.At(last.y),
                            x.At(mark.x), y.At(mark.y));
    }
    const std::string style = absl::StrFormat(
        "stroke=\"%s\" stroke-width=\"2\"", series.quantity.color);
    return absl::StrCat(
        solid.empty() ? "" : Path(solid, style),
        dashed.empty() ? "" : Path(dashed, style + " stroke-dasharray=\"6 4\""),
        markers);
  }

  std::string DrawPanel(const Panel& panel, int p) const {
    const double left = kLeft + p * kPanelStep;
    const double right = left + kPanelWidth;
    const Axis x = {low_, high_, left, right};
    const Axis y = AxisOf(panel);
    std::string svg = absl::StrCat(
        Text(left, kTop - 14, "font-size=\"13\" font-weight=\"bold\"",
             panel.heading),
        Text((left + right) / 2, kBottom + 36, "text-anchor=\"middle\"",
             growth_.of_points ? "points n" : "inducing points m"),
        absl::StrFormat("<clipPath id=\"panel%d\"><rect x=\"%.1f\" y=\"%.1f\" "
                        "width=\"%.1f\" height=\"%.1f\"/></clipPath>\n",
                        p, left, kTop, kPanelWidth, kBottom - kTop));
    constexpr char kTickText[] = "text-anchor=\"%s\" font-size=\"11\"";
    std::string labels, grid, ticks;
    for (const Tick& tick : TicksOf(x)) {
      const double at = x.At(tick.value());
      absl::StrAppendFormat(&ticks, "M%.1f %.1fv%d", at, kBottom,
                            tick.labeled ? 6 : 3);
      if (!tick.labeled) continue;
      absl::StrAppendFormat(&grid, "M%.1f %.1fV%.1f", at, kTop, kBottom);
      labels += Text(at, kBottom + 19, absl::StrFormat(kTickText, "middle"),
                     LabelOf(tick));
    }
    for (const Tick& tick : TicksOf(y)) {
      const double at = y.At(tick.value());
      absl::StrAppendFormat(&ticks, "M%.1f %.1fh-%d", left, at,
                            tick.labeled ? 6 : 3);
      if (!tick.labeled) continue;
      absl::StrAppendFormat(&grid, "M%.1f %.1fH%.1f", left, at, right);
      labels += Text(left - 9, at + 4, absl::StrFormat(kTickText, "end"),
                     LabelOf(tick));
    }
    absl::StrAppend(
        &svg, Path(grid, "stroke=\"#e4e4e4\""),
        Path(absl::StrCat(ticks, absl::StrFormat("M%.1f %.1fV%.1fH%.1f", left,
                                                 kTop, kBottom, right)),
             "stroke=\"#888888\""),
        labels);

    absl::StrAppendFormat(&svg, "<g clip-path=\"url(#panel%d)\">\n", p);
    for (const Series& series : panel.series) svg += Guides(series, x, y);
    svg += "</g>\n";
    for (const Series& series : panel.series) svg += Curve(series, x, y);
    return svg;
  }

  std::string Legend() const {
    constexpr double kBaseline = 464;
    double x = kLeft;
    std::string svg;
    for (const Quantity& quantity : {kFactor, kIndex, kSearch}) {
      svg += Path(
          absl::StrFormat("M%.1f %.1fh24", x, kBaseline - 4),
          absl::StrFormat("stroke=\"%s\" stroke-width=\"3\"", quantity.color));
      const absl::string_view name = quantity.name;
      svg += Text(x + 31, kBaseline, "", name);
      x += 55 + kLetter * static_cast<double>(name.size());
    }
    for (int i = 0; i < num_cases_ && num_cases_ > 1; ++i) {
      const std::string& name = growth_.cases[i][0].name;
      svg += Marker(x + 4, kBaseline - 4, i, "#222222", false, "");
      svg += Text(x + 15, kBaseline, "", Escaped(name));
      x += 39 + kLetter * static_cast<double>(name.size());
    }
    std::string note =
        absl::StrCat("Dotted, from the first point of each line: in all ",
                     growth_.of_points ? "n (lower) and n log n (upper)."
                                       : "m (lower) and m² (upper).");
    std::vector<int64_t> others;
    for (const GrowthRow& row : growth_.cases[0]) {
      if (IsHollow(row)) others.push_back(row.num_inducing);
    }
    others.erase(std::unique(others.begin(), others.end()), others.end());
    if (!others.empty()) {
      absl::StrAppend(&note, " Hollow: m = ", absl::StrJoin(others, ", "), ".");
    }
    return svg + Text(kLeft, kBaseline + 21,
                      "font-size=\"11\" fill=\"#666666\"", note);
  }

  const Growth& growth_;
  const RunRecord& record_;
  const int num_cases_;
  double low_, high_;  // of the horizontal axes, as decimal logarithms
};

}  // namespace

std::string PlotGrowth(const RunRecord& record) {
  const std::optional<Growth> growth = GrowthOf(record);
  return growth ? GrowthPlot(*growth, record).Draw() : "";
}

}  // namespace rct
