"""The appliances of REFIT's twenty houses, in the order of its columns Appliance1 to 9.

From the readme of the cleaned data set (Murray, Stankovic, Stankovic: An electrical load
measurements dataset of United Kingdom households from a two-year longitudinal study,
Sci Data 4:160122, 2017; CC BY 4.0). There is no house 14.
"""

from __future__ import annotations

__all__ = ["CHANGED", "LABELS", "SOLAR"]

# fmt: off
LABELS: dict[int, tuple[str, ...]] = {
    1: ("Fridge", "Chest Freezer", "Upright Freezer", "Tumble Dryer", "Washing Machine",
        "Dishwasher", "Computer Site", "Television Site", "Electric Heater"),
    2: ("Fridge-Freezer", "Washing Machine", "Dishwasher", "Television", "Microwave",
        "Toaster", "Hi-Fi", "Kettle", "Oven Extractor Fan"),
    3: ("Toaster", "Fridge-Freezer", "Freezer", "Tumble Dryer", "Dishwasher",
        "Washing Machine", "Television", "Microwave", "Kettle"),
    4: ("Fridge", "Freezer", "Fridge-Freezer", "Washing Machine (1)", "Washing Machine (2)",
        "Computer Site", "Television Site", "Microwave", "Kettle"),
    5: ("Fridge-Freezer", "Tumble Dryer", "Washing Machine", "Dishwasher", "Computer Site",
        "Television Site", "Combination Microwave", "Kettle", "Toaster"),
    6: ("Freezer (Utility Room)", "Washing Machine", "Dishwasher", "MJY Computer",
        "Television Site", "Microwave", "Kettle", "Toaster", "PGM Computer"),
    7: ("Fridge", "Freezer (Garage)", "Freezer", "Tumble Dryer", "Washing Machine",
        "Dishwasher", "Television Site", "Toaster", "Kettle"),
    8: ("Fridge", "Freezer", "Dryer", "Washing Machine", "Toaster", "Computer",
        "Television Site", "Microwave", "Kettle"),
    9: ("Fridge-Freezer", "Washer Dryer", "Washing Machine", "Dishwasher", "Television Site",
        "Microwave", "Kettle", "Hi-Fi", "Electric Heater"),
    10: ("Magimix (Blender)", "Freezer", "Chest Freezer (In Garage)", "Fridge-Freezer",
         "Washing Machine", "Dishwasher", "Television Site", "Microwave", "Kenwood KMix"),
    11: ("Fridge", "Fridge-Freezer", "Washing Machine", "Dishwasher", "Computer Site",
         "Microwave", "Kettle", "Router", "Hi-Fi"),
    12: ("Fridge-Freezer", "Television Site (Lounge)", "Microwave", "Kettle", "Toaster",
         "Television Site (Bedroom)", "Not Used", "Not Used", "Not Used"),
    13: ("Television Site", "Unknown", "Washing Machine", "Dishwasher", "Tumble Dryer",
         "Television Site", "Computer Site", "Microwave", "Kettle"),
    15: ("Fridge-Freezer", "Tumble Dryer", "Washing Machine", "Dishwasher", "Computer Site",
         "Television Site", "Microwave", "Kettle", "Toaster"),
    16: ("Fridge-Freezer (1)", "Fridge-Freezer (2)", "Electric Heater (1)",
         "Electric Heater (2)", "Washing Machine", "Dishwasher", "Computer Site",
         "Television Site", "Dehumidifier/Heater"),
    17: ("Freezer (Garage)", "Fridge-Freezer", "Tumble Dryer (Garage)", "Washing Machine",
         "Computer Site", "Television Site", "Microwave", "Kettle", "Plug Site (Bedroom)"),
    18: ("Fridge (Garage)", "Freezer (Garage)", "Fridge-Freezer", "Washer Dryer (Garage)",
         "Washing Machine", "Dishwasher", "Desktop Computer", "Television Site", "Microwave"),
    19: ("Fridge & Freezer", "Washing Machine", "Television Site", "Microwave", "Kettle",
         "Toaster", "Bread-maker", "Lamp (80 Watts)", "Hi-Fi"),
    20: ("Fridge", "Freezer", "Tumble Dryer", "Washing Machine", "Dishwasher",
         "Computer Site", "Television Site", "Microwave", "Kettle"),
    21: ("Fridge-Freezer", "Tumble Dryer", "Washing Machine", "Dishwasher", "Food Mixer",
         "Television", "Kettle/Toaster", "Vivarium", "Pond Pump"),
}
# fmt: on

SOLAR = (11, 21)
"""Houses whose mains is affected by solar panels."""

CHANGED: dict[int, str] = {
    10: "Appliance1 was a fridge until 2014-06-17, Appliance2 a toaster from 2014-06-25",
}
"""Columns that changed their appliance."""
