import unittest

from hours import hours


class Hours(unittest.TestCase):
    def test_a_delivery_next_door_takes_the_rest_alone(self):
        self.assertAlmostEqual(hours(0, 0), 1.5)

    def test_farther_and_heavier_takes_longer(self):
        self.assertLess(hours(10, 1), hours(200, 1))
        self.assertLess(hours(10, 1), hours(10, 30))

    @unittest.skip("there are no such deliveries yet")
    def test_a_ferry_takes_a_day(self):
        self.assertGreater(hours(900, 1), 24)
