import pickle, numpy as np
src=open("/tmp/w/ha/trainexp.py").read().replace("settle_environment(); start_tensorflow()","").replace('if __name__=="__main__":','if 0:')
exec(compile(src,"trainexp.py","exec"),globals())
from smartwatts_ml.kinds.anomaly.policy import Limit, FIXED
series,_=pickle.load(open("/tmp/w/ha/new_homes_0_net.pkl","rb")); ev=pickle.load(open("/tmp/w/ha/new_homes_0_ev.pkl","rb"))
st=AnomalySettings(); opt=TrainOptions()
for room in (.7,1.0,1.3):
    cc._ROOM=room
    for step,target,most in ((0,0,0),(.3,1.5,1.5),(.5,1.5,2.),(.3,1.0,1.5)):
        lim=Limit(step,step*target/730.5,most)
        cal=cc.calibrate(series,st,opt,lim); thr=float(nines(np.array(cal.score(cal.threshold))))
        af=am=fa=mo=h=n=0; per=[]
        for r in ev:
            at=r["at"]; lo,fam=r["clean"]
            num=quiet_alerts(at,lo>=cal.threshold,nines(cal.score(lo)),fam,thr,lim); af+=num.max(initial=0); am+=len(at)/730.5; per.append(num.max(initial=0))
            codes,events,lo,fam=r["exam0"]; truth=codes>0
            num=quiet_alerts(at,lo>=cal.threshold,nines(cal.score(lo)),fam,thr,lim)
            fa+=false_alerts((num>0)&~truth,truth,at)[1].sum(); mo+=(~truth).sum()/730.5
            for e in events:
                a,b=np.searchsorted(at,(e.start,e.start+e.hours)); h+=(num[a:b]>0).any(); n+=1
        print(room,(step,target,most),f"thr {thr:.2f} clean {af/am:.2f} exam FA {fa/mo:.2f} ER {h/n:.3f}",sorted(per),flush=True)
