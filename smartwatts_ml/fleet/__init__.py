"""What gateways say of the models that they run: beacons, and what they add up to.

A beacon is unsigned input of a home. So every field is bounded, a home counts once, and when
something was heard is told by the root's own clock.
"""
