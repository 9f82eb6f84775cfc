"""Every registered balancer fulfils the contract."""

from tests.contracts.balancer_contract import BalancerContract


class TestEqual(BalancerContract):
    config = dict(type="Equal")


class TestAlignedMTL(BalancerContract):
    config = dict(type="AlignedMTL")


class TestCAGrad(BalancerContract):
    config = dict(type="CAGrad")


class TestConFIG(BalancerContract):
    config = dict(type="ConFIG")


class TestCOSMOS(BalancerContract):
    config = dict(type="COSMOS")


class TestDBMTL(BalancerContract):
    config = dict(type="DBMTL")


class TestDualProj(BalancerContract):
    config = dict(type="DualProj", preference=dict(first=1.0, second=0.5, third=2.0))


class TestDWA(BalancerContract):
    config = dict(type="DWA")


class TestExcessMTL(BalancerContract):
    config = dict(type="ExcessMTL")


class TestFairGrad(BalancerContract):
    config = dict(type="FairGrad", alpha=2.0)


class TestFAMO(BalancerContract):
    config = dict(type="FAMO")


class TestGLS(BalancerContract):
    config = dict(type="GLS")


class TestGradDrop(BalancerContract):
    config = dict(type="GradDrop")


class TestGradNorm(BalancerContract):
    config = dict(type="GradNorm")


class TestGradVac(BalancerContract):
    config = dict(type="GradVac")
    order_matters = True


class TestIMTLG(BalancerContract):
    config = dict(type="IMTLG")


class TestIMTLL(BalancerContract):
    config = dict(type="IMTLL")


class TestKrum(BalancerContract):
    config = dict(type="Krum", n_selected=2)


class TestMGDA(BalancerContract):
    config = dict(type="MGDA", normalisation="loss+")


class TestMoCo(BalancerContract):
    config = dict(type="MoCo")


class TestMoDo(BalancerContract):
    config = dict(type="MoDo")


class TestNashMTL(BalancerContract):
    config = dict(type="NashMTL")


class TestPBI(BalancerContract):
    config = dict(type="PBI")


class TestPCD(BalancerContract):
    config = dict(type="PCD", primary="second", tau=0.3)
    order_matters = True  # in the steps without the primary task


class TestPCGrad(BalancerContract):
    config = dict(type="PCGrad")
    order_matters = True


class TestRLW(BalancerContract):
    config = dict(type="RLW")
    order_matters = True


class TestSDMGrad(BalancerContract):
    config = dict(type="SDMGrad")


class TestSTCH(BalancerContract):
    config = dict(type="STCH", nadir_epoch=0)


class TestTchebycheff(BalancerContract):
    config = dict(type="Tchebycheff")


class TestUPGrad(BalancerContract):
    config = dict(type="UPGrad")


class TestUW(BalancerContract):
    config = dict(type="UW")
