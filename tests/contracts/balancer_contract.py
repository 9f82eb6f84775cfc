"""The contract of every balancer."""

import copy
import inspect
import pickle
import re
from types import SimpleNamespace

import pytest
import torch

from mtl_plugins.engine import NonFiniteLossHook
from mtl_plugins.models.balancers import Balancer, GradientBalancer, GramianBalancer
from mtl_plugins.registry import MODELS
from tests.models.balancers.linear_model import TASKS, batch, build

ABSENT = {"first": [0, 1, 2, 3, 4, 5], "third": [0, 4, 5]}


class BalancerContract:
    """The tests of every balancer. To test a custom balancer, inherit from this class and set `config`."""

    config: dict
    order_matters = False  # whether the result depends on the order of the tasks, or on random numbers by task

    @classmethod
    def registered_name(cls):
        """The registered name of what is tested."""
        return cls.config["type"]

    def build(self, tasks=TASKS, **options):
        return build(self.config | options, tasks)

    def train(self, model, steps, **labels):
        """Train some steps; the labels of the second task are missing in every third step."""
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for step in range(steps):
            self.step(model, **(dict(labels=ABSENT) if step % 3 == 2 else labels))
            optimizer.step()
            if step % 4 == 3:
                model.balancer.end_epoch()
        return model

    def step(self, model, **labels):
        """The total of a step, and its gradients."""
        images, samples, _ = batch(**labels)
        model.zero_grad()
        total, _ = model.parse_losses(model.loss(images, samples))
        total.backward()
        return total.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}

    def assert_equal_steps(self, one, two, tolerance=0.0):
        """Check that the next steps of two models are equal."""
        for _ in range(2):
            (total, gradients), (total2, gradients2) = self.step(one), self.step(two)
            torch.testing.assert_close(total2, total, rtol=tolerance, atol=tolerance)
            assert gradients.keys() == gradients2.keys()
            for name, gradient in gradients.items():
                torch.testing.assert_close(gradients2[name], gradient, rtol=tolerance, atol=tolerance, msg=name)

    @pytest.mark.parametrize("options", [{}, dict(every=2, warmup=3), dict(smoothing=0.5, warmup=3)])
    @pytest.mark.parametrize("steps", [0, 2])
    def test_its_state_can_be_saved_at_any_time(self, options, steps):
        if options and not issubclass(MODELS.get(self.registered_name()), GramianBalancer):
            pytest.skip("only methods whose weights follow from the inner products reuse or average them")
        model = self.build(**options)
        self.train(model, steps, labels=ABSENT)  # before the end of an epoch, and without labels of a task
        runner = SimpleNamespace(model=model, iter=steps)
        NonFiniteLossHook().before_save_checkpoint(runner, dict(state_dict=model.state_dict()))

    def test_it_is_a_balancer_that_reports_what_it_does(self):
        model = self.train(self.build(), 5)
        total, gradients = self.step(model)
        balancer = model.balancer
        assert isinstance(balancer, Balancer)
        assert total.isfinite() and all(gradient.isfinite().all() for gradient in gradients.values())
        assert balancer.report.tasks == TASKS and balancer.report.weights.shape == (3,)
        assert balancer.report.weights.dtype == torch.float64

    def test_the_docstring_has_the_reference_the_cost_and_all_options(self):
        cls = MODELS.get(self.registered_name())
        text = inspect.getdoc(cls)
        assert text.splitlines()[0].endswith(".")
        assert self.registered_name() == "Equal" or re.search(r"\b(19|20)\d\d\b", text), "the year of the paper"
        assert self.registered_name() == "Equal" or re.search(r"[Oo]ne\s+backward\s+pass", text), "the cost"
        inherited = inspect.signature(GradientBalancer).parameters
        options = [name for name in inspect.signature(cls).parameters if name not in inherited]
        missing = [name for name in options if f"    {name}: " not in text.partition("Args:")[2]]
        assert not missing, f"not documented: {missing}"

    def test_all_state_has_the_name_of_its_task(self):
        """So that state stays with its task, whatever the order and number of the tasks in a batch."""
        balancer = self.train(self.build(), 5).balancer
        names = [name for name, value in balancer.named_buffers()]
        assert {name for name in names if "of_" not in name} <= {"steps", "generator.seed"}
        of = {name.rpartition("of_")[2] for name in names if "of_" in name}
        assert {task for name in of for task in name.split("/")} <= set(TASKS)

    def test_a_restored_checkpoint_continues_equally(self):
        model = self.train(self.build(), 9)
        fresh = self.build()
        fresh.load_state_dict(model.state_dict())
        self.assert_equal_steps(model, fresh)

    def test_a_copy_continues_equally(self):  # EMA copies models
        model = self.train(self.build(), 9)
        copied = copy.deepcopy(model)
        self.assert_equal_steps(copied, pickle.loads(pickle.dumps(model)))
        self.assert_equal_steps(self.train(self.build(), 9), model)

    def test_the_order_of_the_tasks_does_not_matter(self):
        if self.order_matters:
            pytest.skip("this method depends on it by definition")
        model, other = self.build(), self.build(TASKS[::-1])
        other.load_state_dict(model.state_dict())
        self.train(model, 4)
        self.train(other, 4)
        self.assert_equal_steps(model, other, 1e-9)

    def test_an_absent_task_has_weight_zero_and_keeps_its_state(self):
        model = self.train(self.build(), 5)
        before = {key: value.clone() for key, value in model.state_dict().items() if "of_second" in key}
        _, gradients = self.step(model, labels=ABSENT)
        assert model.balancer.report.tasks == ("first", "third")
        assert not gradients["heads.second.layer.weight"].any()
        for key, value in model.state_dict().items():
            if key in before:
                torch.testing.assert_close(value, before[key], rtol=0, atol=0, equal_nan=True)

    @pytest.mark.parametrize("labels", [{}, {"second": [0, 1]}], ids=["no task", "one task"])
    def test_a_step_with_few_tasks_is_finite(self, labels):
        model = self.train(self.build(), 5)
        total, gradients = self.step(model, labels=labels)
        assert total.isfinite() and all(gradient.isfinite().all() for gradient in gradients.values())
        if labels:
            assert gradients["backbone.layer.weight"].any() and gradients["heads.second.layer.weight"].any()

    def test_a_loss_that_is_not_finite_does_not_enter_the_state(self):
        """In float16 the optimizer skips such a step, and the training continues."""
        model = self.train(self.build(), 5)
        before = {name: value.clone() for name, value in model.balancer.named_buffers() if "of_" in name}
        head = model.heads["second"]
        loss_of_class = head.loss
        for number in (torch.inf, torch.nan):
            head.loss = lambda *given, number=number: {
                key: loss + number for key, loss in loss_of_class(*given).items()
            }
            self.step(model)
            for name, value in model.balancer.named_buffers():
                if "of_" in name:
                    torch.testing.assert_close(value, before[name], rtol=0, atol=0, equal_nan=True, msg=name)

    def test_one_task_is_trained(self):
        model = build(dict(type=self.registered_name()), TASKS[:1])
        _, gradients = self.step(model)
        assert all(gradient.isfinite().all() and gradient.any() for gradient in gradients.values())

    def test_equal_weights_during_the_warm_up(self):
        if not issubclass(MODELS.get(self.registered_name()), GradientBalancer):
            pytest.skip("the weights of the losses are not the complete gradient of the objective")
        model, plain = self.build(warmup=2), build(None)
        _, gradients = self.step(model)
        _, expected = self.step(plain)
        for name, gradient in expected.items():
            torch.testing.assert_close(gradients[name], gradient, msg=name)

    def test_an_unknown_option_raises(self):
        with pytest.raises(TypeError, match="wrong_option"):
            self.build(wrong_option=1)
