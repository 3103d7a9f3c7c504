/// Against scipy.stats.trim_mean and numpy.quantile: the expected numbers were printed by them.
import Statistics
import Testing

@Suite struct StatisticsTests {
  @Test func valuesOfScipyAndNumPy() {
    let values = [3.0, -1, 10, 4, 4, 7, -20, 8, 5.5, 100]
    // trim_mean(values, 0.25) = 5.25; median 4.75; std(ddof=1) 32.02989055; quantile 0.1 -2.9
    #expect(abs(Statistics.interquartileMean(values) - 5.25) < 1e-12)
    #expect(abs(Statistics.median(values) - 4.75) < 1e-12)
    #expect(abs(Statistics.standardDeviation(values) - 32.02989055) < 1e-7)
    #expect(abs(Statistics.quantile(values.sorted(), 0.1) - -2.9) < 1e-12)
    #expect(Statistics.interquartileMean([2]) == 2 && Statistics.standardDeviation([2]) == 0)
  }

  @Test func theIntervalHoldsItsEstimateAndIsSeeded() {
    let values = (0..<100).map { Double($0 * 37 % 100) }
    let summary = Summary(values)
    #expect(summary.interquartileMeanInterval[0] < summary.interquartileMean)
    #expect(summary.interquartileMean < summary.interquartileMeanInterval[1])
    // 100 uniform values: the standard error of their mean is 2.9, of the IQM a little more
    #expect(summary.interquartileMeanInterval[1] - summary.interquartileMeanInterval[0] < 25)
    #expect(Summary(values) == summary)
  }
}
