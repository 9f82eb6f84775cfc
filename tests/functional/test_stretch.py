from mtl_plugins.functional.stretch import describe_stretch


def test_only_changes_of_the_aspect_ratio_are_described():
    assert describe_stretch((480, 640), (240, 320)) == describe_stretch((480, 640), (231, 320)) == ""
    assert "narrower by a factor of 1.33" in describe_stretch((1080, 1920), (480, 640))
    assert "wider by a factor of 1.78" in describe_stretch((640, 480), (480, 640))
