import sys,time,pickle
import numpy as np
from smartwatts_ml.modelfiles.tensorflow import settle_environment, start_tensorflow
settle_environment(); start_tensorflow()
import keras
from smartwatts_ml.kinds.anomaly import training as tr, cross_calibration as cc, network as nw
from smartwatts_ml.kinds.anomaly.settings import AnomalySettings
from smartwatts_ml.kinds.anomaly.injection import TYPES
from smartwatts_ml.kinds.anomaly.metrics import false_alerts, vus_pr
from smartwatts_ml.kinds.anomaly.policy import nines, quiet_alerts, families
try: from smartwatts_ml.kinds.anomaly.policy import Limit, FIXED
except ImportError: FIXED=None
from smartwatts_ml.kinds.base import TrainOptions
from sklearn.metrics import average_precision_score as ap
def outs(models,rows):
    raw=[cc._outputs(m,rows) for m in models]
    if isinstance(raw[0],dict):
        return np.mean([r["odds"][:,0] for r in raw],0), families(np.mean([r["types"][:,1:] for r in raw],0))
    return np.mean([np.asarray(nw.anomaly_logits(r))[:,0] for r in raw],0), families(np.mean(raw,0)[:,1:])
def run(tag,split,seed=0,epochs=None,members=2):
    t0=time.process_time()
    halves=pickle.load(open(f"/tmp/w/ha/{tag}_{split}_train.pkl","rb")); val=pickle.load(open(f"/tmp/w/ha/{tag}_{split}_val.pkl","rb"))
    keras.utils.set_random_seed(seed)
    st=AnomalySettings(); opt=TrainOptions(seed=seed,epochs=epochs)
    folds=tr._folds(halves); ex=[tr.held_back(f) for f in folds]; cl=[]
    for n in range(2*members):
        l,w=ex[n%2]; c=tr._new_classifier(l.features,f"c{n}")
        log=tr._train(c,l,tr._thinned(w,seed),st,opt,lambda *_:None); cl.append(c)
        print(n,len(log),{k:round(v,4) for k,v in log[-1].items()},round(time.process_time()-t0),flush=True)
    series=[cc.normal_series(cl[1-f::2],d) for f in range(2) for d in folds[f]]
    pickle.dump((series,[c.get_weights() for c in cl]),open(f"/tmp/w/ha/{tag}_{split}_{seed}_net.pkl","wb"))
    ev=[]
    for row in val:
        r={"site":row["site"],"at":row["at"],"clean":outs(cl,row["clean"])}
        for k in range(1):
            codes,events,F=row[f"exam{k}"]; r[f"exam{k}"]=(codes,events,*outs(cl,F))
        ev.append(r)
    pickle.dump(ev,open(f"/tmp/w/ha/{tag}_{split}_{seed}_ev.pkl","wb"))
    show(series,ev,st,opt)
def show(series,ev,st,opt,limits=(None,)):
    P=[];V=[];orc=0;n=0;hit={t:[0,0] for t in TYPES}
    cal=cc.calibrate(series,st,opt); thr=float(nines(np.array(cal.score(cal.threshold))))
    fa=0;mo=0;af=0;am=0
    for r in ev:
        at=r["at"]
        lo,fam=r["clean"]; num=quiet_alerts(at,lo>=cal.threshold,nines(cal.score(lo)),fam,thr)
        af+=num.max(initial=0); am+=len(at)/730.5
        for k in range(1):
            codes,events,lo,fam=r[f"exam{k}"]; truth=codes>0
            if not truth.any(): continue
            P.append(ap(truth,lo)); V.append(vus_pr(truth,lo))
            num=quiet_alerts(at,lo>=cal.threshold,nines(cal.score(lo)),fam,thr)
            m=(~truth).sum()/730.5; mo+=m
            fal=lambda on: false_alerts(on&~truth,truth,at)[1].sum()
            fa+=fal(num>0)
            sp=[(e.type,*np.searchsorted(at,(e.start,e.start+e.hours))) for e in events]
            for t,a,b in sp: hit[t][1]+=1; hit[t][0]+=(num[a:b]>0).any()
            best=0
            for c in np.unique(np.sort(lo)[::-1][np.unique(np.geomspace(1,len(lo),100).astype(int))-1]):
                if fal(lo>=c)<=m: best=max(best,sum((lo>=c)[a:b].any() for _,a,b in sp))
            orc+=best; n+=len(sp)
    print(f"PR {np.mean(P):.3f} VUS {np.mean(V):.3f} ER@1FA {orc/n:.3f} ER {sum(h for h,_ in hit.values())/n:.3f} FA {fa/mo:.2f} clean alerts {af/am:.2f} thr {thr:.2f}")
    print({t:f"{h}/{m}" for t,(h,m) in hit.items()},flush=True)
if __name__=="__main__": run(sys.argv[1],sys.argv[2],int(sys.argv[3]) if len(sys.argv)>3 else 0)
